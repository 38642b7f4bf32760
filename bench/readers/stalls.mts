/**
 * Splits the longest stalls of this thread's event loop into what caused them, in milliseconds (Linux):
 *
 * - `cpuMs`: the thread ran JavaScript, SQLite or the garbage collector (`gcMs` of it)
 * - `queuedMs`: it could have run, but other threads had the cores
 * - `blockedMs`: it waited in a system call; here that is fsync
 */
import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';

export interface Stall {
  readonly ms: number;
  readonly cpuMs: number;
  readonly gcMs: number;
  readonly queuedMs: number;
  readonly blockedMs: number;
}

interface Times {
  readonly now: number;
  /** Nanoseconds. */
  readonly ran: number;
  readonly queued: number;
}

const kept = 5;

export function watchStalls(): { reset(): void; longest(): readonly Stall[] } {
  let found: (Stall & { readonly from: number; readonly to: number })[] = [];
  let collections: { readonly from: number; readonly to: number }[] = [];
  let before = times();
  const step = (): void => {
    const after = times();
    const ms = after.now - before.now;
    if (ms > (found.at(-1)?.ms ?? 0) || found.length < kept) {
      const cpuMs = (after.ran - before.ran) / 1e6;
      const queuedMs = (after.queued - before.queued) / 1e6;
      const blockedMs = Math.max(0, ms - cpuMs - queuedMs);
      found.push({ ms, cpuMs, gcMs: 0, queuedMs, blockedMs, from: before.now, to: after.now });
      found = found.toSorted((a, b) => b.ms - a.ms).slice(0, kept);
    }
    before = after;
    setTimeout(step, 1).unref();
  };
  new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) {
      if (duration >= 0.5) collections.push({ from: startTime, to: startTime + duration });
    }
  }).observe({ entryTypes: ['gc'] });
  step();
  return {
    reset() {
      found = [];
      collections = [];
      before = times();
    },
    longest: () =>
      found.map(({ ms, cpuMs, queuedMs, blockedMs, from, to }) => {
        const gcMs = collections
          .map(each => Math.min(each.to, to) - Math.max(each.from, from))
          .reduce((sum, each) => sum + Math.max(0, each), 0);
        return {
          ms: round(ms),
          cpuMs: round(cpuMs),
          gcMs: round(gcMs),
          queuedMs: round(queuedMs),
          blockedMs: round(blockedMs),
        };
      }),
  };
}

/** The scheduler's account of the main thread. */
function times(): Times {
  const now = performance.now();
  const [ran = 0, queued = 0] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1')
    .split(' ')
    .map(Number);
  return { now, ran, queued };
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
