/** One round of kills: several writers on one database, ended at a drawn moment or at a drawn system call. */
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkLedger } from '../ledger.mts';
import type { PlainError } from '../../support/fault-scenario.mts';
import type { Action, Call, FaultBench, FaultRule, Scenario } from '../../support/fault-shim.mts';
import type { Journal, SubjectName } from '../subject.mts';
import type { Books, Entry } from './books.mts';

const program = join(import.meta.dirname, '..', 'kill.scenario.mts');

/** The instructions of a writer, as its argument. */
export interface WriterTask {
  readonly subject: SubjectName;
  readonly journal: Journal;
  readonly file: string;
  readonly writer: number;
  readonly seed: number;
  readonly firstTransaction: number;
  /** It closes and ends after so many; a killed one never comes that far. */
  readonly transactions: number;
}

export type WriterReport =
  Entry | { readonly ready: number } | { readonly done: number } | { readonly checkpointFailed: PlainError };

/** Drawn before the round, so that the seed repeats it. */
export type Death =
  /** All at once, so long after the last writer was ready, or after the start of all. */
  | { readonly kind: 'moment'; readonly after: 'ready' | 'start'; readonly ms: number }
  /** Whoever makes the n-th of these calls, and the rest a moment later: the survivors go on in between. */
  | { readonly kind: 'call'; readonly call: Call; readonly nth: number; readonly action: Action; readonly ms: number };

export interface Round {
  readonly number: number;
  readonly subject: SubjectName;
  readonly journal: Journal;
  readonly writers: number;
  readonly death: Death;
  /** The syncs are real. */
  readonly synced: boolean;
}

// No round of one database gives out more numbers than this, so the numbers of all writers stay apart.
const numbersPerWriter = 100_000;

const killableCalls: readonly Call[] = [
  'write',
  'fsync',
  'fdatasync',
  'truncate',
  'unlink',
  'open',
  'lock',
  'unlock',
  'mmap',
  'read',
];

export function drawRound(number: number, subject: SubjectName, random: () => number): Round {
  const pick = <T,>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const death: Death =
    random() < 0.5
      ? { kind: 'moment', after: random() < 0.8 ? 'ready' : 'start', ms: Math.floor(random() * 120) }
      : {
          kind: 'call',
          call: pick(killableCalls),
          nth: 1 + Math.floor(random() ** 2 * 200),
          action: pick<Action>(['kill', 'kill-after', 'tear']),
          ms: Math.floor(random() * 40),
        };
  return { number, subject, journal: 'wal', writers: 2 + Math.floor(random() * 2), death, synced: random() < 0.2 };
}

export interface RoundResult {
  readonly faults: readonly string[];
  readonly commits: number;
  readonly kills: number;
}

/** Plays a round on `file`, which goes on to the next one, and checks a copy of what it left. */
export async function playRound(bench: FaultBench, file: string, books: Books, round: Round): Promise<RoundResult> {
  const faults: string[] = [];
  let commits = 0;
  let ready = 0;
  const allReady = Promise.withResolvers<void>();
  bench.faults.arm(...rulesOf(bench.folder, round));

  const writers = Array.from({ length: round.writers }, (_, writer): Scenario => {
    const task: WriterTask = {
      subject: round.subject,
      journal: round.journal,
      file,
      writer,
      seed: round.number * 16 + writer,
      firstTransaction: (round.number * 16 + writer) * numbersPerWriter,
      transactions: numbersPerWriter,
    };
    const child = bench.start(program, { args: [JSON.stringify(task)] });
    child.onReport(message => {
      const said = message as WriterReport;
      if ('ready' in said) {
        ready += 1;
        if (ready === round.writers) allReady.resolve();
      } else if ('begin' in said || 'committed' in said || 'failed' in said) {
        books.enter(said);
        if ('committed' in said) commits += 1;
        if ('failed' in said && !isContention(said.error)) faults.push(`writer ${writer}: ${said.error.message}`);
      } else if ('checkpointFailed' in said && !isContention(said.checkpointFailed))
        faults.push(`writer ${writer}: checkpoint: ${said.checkpointFailed.message}`);
    });
    void child.ended.then(({ signal }) => {
      // A writer that ends by itself has thrown; one that was killed never gets ready.
      if (signal === null) faults.push(`writer ${writer} ended by itself:\n${child.stderr()}`);
      allReady.resolve();
    });
    return child;
  });

  if (round.death.kind === 'call' || round.death.after === 'ready') await allReady.promise;
  const allEnded = Promise.all(writers.map(writer => writer.ended));
  await Promise.race([delay(round.death.ms), allEnded]);
  for (const writer of writers) writer.kill();
  await allEnded;
  const kills = writers.length;
  bench.faults.heal();
  return { faults: [...faults, ...checkCopy(bench.folder, file, books)], commits, kills };
}

/** A kill leaves the cache of the kernel whole, so most rounds do not wait for the disk and reach more commits. */
function rulesOf(folder: string, { death, synced }: Round): FaultRule[] {
  const path = `${folder}/*`;
  const rules: FaultRule[] = [];
  if (death.kind === 'call') rules.push({ calls: death.call, path, nth: death.nth, action: death.action });
  if (!synced) rules.push({ calls: ['fsync', 'fdatasync', 'dirsync'], path, count: 'all', action: 'lie' });
  return rules;
}

/** Others being at the file is what the round is made of. */
function isContention(error: PlainError): boolean {
  return error.code?.startsWith('SQLITE_BUSY') === true;
}

/** Plain SQLite opens a copy, so that the subject meets the files themselves in the next round, as the kill left them. */
function checkCopy(folder: string, file: string, books: Books): readonly string[] {
  const copies = join(folder, 'copy');
  mkdirSync(copies);
  for (const suffix of ['', '-wal', '-journal'])
    if (existsSync(file + suffix)) copyFileSync(file + suffix, join(copies, basename(file) + suffix));
  const faults = checkLedger(join(copies, basename(file)), books.expectation());
  rmSync(copies, { recursive: true });
  return faults;
}
