/** Power cut after power cut on one ground, with one set of books: what was acknowledged once must be there for ever. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openBooks, type Books } from '../books/books.mts';
import type { Ground } from './ground.mts';
import { playRound, startCrew, type Load, type RoundResult } from './round.mts';

export interface SeriesOptions {
  readonly load: Load;
  readonly rounds: number;
  readonly seed: number;
  /** Ends the series early, before a round. */
  readonly enough?: () => boolean;
  /** A new database for each round. */
  readonly fresh?: boolean;
  /** Called after each round. */
  readonly onRound?: (result: RoundResult, round: number) => void;
}

/** Rounds with the same files: a crash also meets what earlier crashes left. Then they are made anew, so that they stay small. */
const roundsPerDatabase = 8;

export async function playSeries(ground: Ground, options: SeriesOptions): Promise<readonly RoundResult[]> {
  const { load, rounds, seed } = options;
  const results: RoundResult[] = [];
  let books: Books = openBooks();
  let crew = startCrew(load);
  try {
    for (let number = 0; number < rounds && options.enough?.() !== true; number += 1) {
      if (options.fresh === true || number % roundsPerDatabase === 0) {
        for (const name of readdirSync(ground.folder))
          if (name !== 'lost+found') rmSync(join(ground.folder, name), { recursive: true, force: true });
        books = openBooks();
      }
      const next = number + 1 < rounds ? startCrew(load) : [];
      const result = await playRound(ground, load, crew, { number: number + 1, seed: seed + number, books });
      crew = next;
      results.push(result);
      options.onRound?.(result, number + 1);
    }
  } finally {
    for (const member of crew) member.kill();
  }
  return results;
}
