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

async function round(subject: Subject, callers: number, durationMs: number): Promise<Omit<Row, 'subject' | 'callers'>> {
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

async function measure(callerCounts: readonly number[], rounds: number, durationMs: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const rows: Row[] = [];
  try {
    for (const callers of callerCounts) {
      const names = callers === 1 ? [...subjectNames, withoutSentinel] : subjectNames;
      const subjects = names.map(name => openSubject(name, folder));
      const results = new Map(subjects.map(({ name }) => [name, [] as Omit<Row, 'subject' | 'callers'>[]]));
      // In turns, so that a disk that is slow for a moment is slow for all; the first round only warms up.
      for (let index = -1; index < rounds; index += 1) {
        for (const subject of subjects) {
          const result = await round(subject, callers, index < 0 ? durationMs / 4 : durationMs);
          if (index >= 0) results.get(subject.name)?.push(result);
        }
      }
      for (const [subject, all] of results) {
        const middle = (of: (each: (typeof all)[number]) => number): number => median(all.map(of));
        rows.push({
          subject,
          callers,
          perSecond: middle(each => each.perSecond),
          p50Ms: middle(each => each.p50Ms),
          p99Ms: middle(each => each.p99Ms),
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
