/** Records the results of the checkpoints of a file. Pure: each function returns the next state. */
import type { CheckpointResult } from '../maintenance/messages';
import { checkpointPause } from '../policy/checkpoint';
import { Buckets, type Histogram } from '../base/histogram';

/** Consecutive unsuccessful attempts. */
export interface Streak {
  readonly consecutive: number;
  /** Milliseconds of the monotonic clock at which the streak began. */
  readonly since: number;
  /** Milliseconds of the monotonic clock before which no attempt is made. */
  readonly pausedUntil: number;
}

export interface History {
  readonly last: CheckpointResult | null;
  /** Milliseconds of the monotonic clock at which the last checkpoint ended; `-Infinity` before the first. */
  readonly endedAt: number;
  /** The same for the last complete one. */
  readonly completeAt: number;
  /** Some frames could not be copied: a reader of an older snapshot, or another checkpoint. */
  readonly blocked: Streak | null;
  /** Everything was copied but the WAL was not reset: a reader of the latest snapshot pins it. */
  readonly pinned: Streak | null;
  /** Everything was copied but the file could not be truncated: another connection held a lock. */
  readonly untruncated: Streak | null;
  readonly failed: (Streak & { readonly error: Error }) | null;
}

export const noHistory: History = Object.freeze({
  last: null,
  endedAt: Number.NEGATIVE_INFINITY,
  completeAt: Number.NEGATIVE_INFINITY,
  blocked: null,
  pinned: null,
  untruncated: null,
  failed: null,
});

/** The last checkpoint did not do what it was to do, and is tried again after a pause. */
export function hasTrouble({ blocked, pinned, untruncated, failed }: History): boolean {
  return blocked !== null || pinned !== null || untruncated !== null || failed !== null;
}

/** `random` in [0, 1) spreads the pause. */
export function withResult(history: History, result: CheckpointResult, now: number, random: number): History {
  const common = { ...history, last: result, endedAt: now, failed: null };
  if (result.complete) {
    const untruncated = result.mode === 'truncate' ? null : history.untruncated;
    return { ...common, completeAt: now, blocked: null, untruncated };
  }
  if (result.mode === 'truncate') {
    return { ...common, untruncated: next('blocked', history.untruncated, now, random) };
  }
  return { ...common, blocked: next('blocked', history.blocked, now, random) };
}

/** After a complete checkpoint without a concurrent writer that did not lead to a WAL reset. */
export function withPin(history: History, now: number, random: number): History {
  return { ...history, pinned: next('blocked', history.pinned, now, random) };
}

/** The WAL was reset. */
export function withRestart(history: History): History {
  return { ...history, pinned: null };
}

export function withFailure(history: History, error: Error, now: number, random: number): History {
  return { ...history, endedAt: now, failed: { ...next('failed', history.failed, now, random), error } };
}

/** Returns the milliseconds until the next attempt. */
export function pauseOf(streak: Streak | null, now: number): number {
  return streak === null ? 0 : Math.max(0, streak.pausedUntil - now);
}

function next(outcome: 'blocked' | 'failed', streak: Streak | null, now: number, random: number): Streak {
  const consecutive = (streak?.consecutive ?? 0) + 1;
  return { consecutive, since: streak?.since ?? now, pausedUntil: now + checkpointPause(outcome, consecutive, random) };
}

// Counts the checkpoints of one file by result since it was opened in this thread, for a metrics page.

export interface CheckpointCounts {
  /** Every frame of the WAL was in the database. */
  readonly complete: number;
  /** A read transaction kept frames from being copied. */
  readonly blocked: number;
  /** Another checkpoint or a writer held the lock. */
  readonly busy: number;
  /** SQLite returned an error. */
  readonly failed: number;
}

/** Milliseconds: from a checkpoint of a few pages to one that copies gigabytes to a slow disk. */
const durationMsBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 60_000];

/** Only the scheduler changes it. */
export class CheckpointCounters {
  #complete = 0;
  #blocked = 0;
  #busy = 0;
  #failed = 0;
  readonly #durationMs = new Buckets(durationMsBounds);

  ended({ complete, busy, durationMs }: CheckpointResult): void {
    this.#durationMs.add(durationMs);
    if (complete) this.#complete += 1;
    else if (busy) this.#busy += 1;
    else this.#blocked += 1;
  }

  failed(): void {
    this.#failed += 1;
  }

  get counts(): CheckpointCounts {
    return { complete: this.#complete, blocked: this.#blocked, busy: this.#busy, failed: this.#failed };
  }

  /** Of checkpoints that ran to the end. */
  get durationMs(): Histogram {
    return this.#durationMs.read();
  }
}
