/**
 * Writes a second and latencies for so many concurrent callers, in one process: prints JSON.
 *
 * Each caller begins a write in a turn of the event loop of its own, as a request does, and its latency counts from
 * the moment it wants to begin: a caller that waits because another one holds the loop is seen.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { median } from '../paired.mts';
import { openSubject, subjectNames, withoutSentinel, type Subject, type SubjectName } from './subjects.mts';

export interface Row {
  readonly subject: SubjectName;
  readonly callers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface BareRow extends Row {
  /** Writes a second in the first round of a new database, whose `-wal` still grows. */
  readonly newPerSecond: number;
}

type Round = Pick<Row, 'perSecond' | 'p50Ms' | 'p99Ms'>;

/**
 * Rounds before those that count, so that every `-wal` has the size it keeps, as in a service that has run for a while.
 * The sync of a file that grows also writes where its new blocks are (fdatasync(2)), which takes twice as long on ext4;
 * a `-wal` of better-sqlite3 ceases to grow at 4 MB, one of this library at some 9 MB with a single caller.
 */
const warmUps = 7;

async function round(subject: Subject, callers: number, durationMs: number): Promise<Round> {
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + durationMs;
  const caller = async (): Promise<void> => {
    for (let from = performance.now(); from < end; from = performance.now()) {
      await turn();
      await subject.write();
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const elapsedMs = performance.now() - start;
  latencies.sort((a, b) => a - b);
  const percentile = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return { perSecond: (latencies.length / elapsedMs) * 1000, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

async function measure(callerCounts: readonly number[], rounds: number, durationMs: number): Promise<BareRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const rows: BareRow[] = [];
  try {
    for (const callers of callerCounts) {
      const names = callers === 1 ? [...subjectNames, withoutSentinel] : subjectNames;
      const subjects = names.map(name => openSubject(name, folder));
      const results = new Map(subjects.map(({ name }) => [name, [] as Round[]]));
      // In turns, so that a disk that is slow for a moment is slow for all.
      for (let index = -warmUps; index < rounds; index += 1) {
        for (const subject of subjects) results.get(subject.name)?.push(await round(subject, callers, durationMs));
      }
      for (const [subject, all] of results) {
        const middle = (key: keyof Round): number => median(all.slice(warmUps).map(each => each[key]));
        rows.push({
          subject,
          callers,
          perSecond: middle('perSecond'),
          p50Ms: middle('p50Ms'),
          p99Ms: middle('p99Ms'),
          newPerSecond: all[0]?.perSecond ?? Number.NaN,
        });
      }
      for (const subject of subjects) subject.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}

const [callers = '1,8,64,256', rounds = '3', durationMs = '500'] = process.argv.slice(2);
console.log(JSON.stringify(await measure(callers.split(',').map(Number), Number(rounds), Number(durationMs))));
