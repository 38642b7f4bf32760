/** A run of rounds; a database lives through several of them, so that each subject recovers what a kill left. */
import { join } from 'node:path';
import { seeded } from '../random.mts';
import { createFaultBench } from '../../support/fault-shim.mts';
import type { Journal, SubjectName } from '../subject.mts';
import { openBooks } from './books.mts';
import { drawRound, playRound, type Round, type RoundResult } from './round.mts';

/** Long enough that recovery follows recovery, short enough that the check of all rows stays quick. */
export const roundsPerDatabase = 25;

export interface KillRun {
  readonly subject: SubjectName;
  readonly seed: number;
  /** The first round, a multiple of `roundsPerDatabase`. Default 0. */
  readonly first?: number;
  readonly rounds: number;
  /** Ends the run early, after a round. */
  readonly enough?: () => boolean;
  readonly onRound?: (round: Round, result: RoundResult) => void;
}

export interface KillSums {
  readonly rounds: number;
  readonly commits: number;
  readonly kills: number;
  /** Rounds in which a promise was broken. */
  readonly broken: number;
}

export async function killRun(run: KillRun): Promise<KillSums> {
  let commits = 0;
  let kills = 0;
  let broken = 0;
  let rounds = 0;
  const first = run.first ?? 0;
  for (let start = first; start < first + run.rounds; start += roundsPerDatabase) {
    using bench = createFaultBench();
    const file = join(bench.folder, 't.db');
    const books = openBooks(join(bench.folder, 'books'), run.subject);
    // Each database draws from a seed of its own, so its rounds can be repeated without those before.
    const random = seeded(run.seed + start);
    const journal: Journal = random() < 0.6 ? 'wal' : 'delete';
    for (let number = start; number < Math.min(start + roundsPerDatabase, first + run.rounds); number += 1) {
      if (run.enough?.() === true) return { rounds, commits, kills, broken };
      const round: Round = { ...drawRound(number, run.subject, random), journal };
      const result = await playRound(bench, file, books, round);
      rounds += 1;
      commits += result.commits;
      kills += result.kills;
      if (result.faults.length > 0) broken += 1;
      run.onRound?.(round, result);
      // What one round lost would be counted again in each that follows.
      if (result.faults.length > 0) break;
    }
  }
  return { rounds, commits, kills, broken };
}
