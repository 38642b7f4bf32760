/** What the checkpoints of a file came to so far. Pure: each function returns the next state. */
import type { CheckpointResult } from '../maintenance/messages';
import { checkpointPause } from '../policy/checkpoint';
import { Buckets, type Histogram } from '../base/histogram';

/** A row of attempts that did not succeed. */
export interface Streak {
  readonly consecutive: number;
  /** ms of the monotonic clock: when the row began. */
  readonly since: number;
  /** ms of the monotonic clock: the next attempt does not come before. */
  readonly pausedUntil: number;
}

export interface History {
  readonly last: CheckpointResult | null;
  /** ms of the monotonic clock: when the last checkpoint ended; `-Infinity` before the first. */
  readonly endedAt: number;
  /** The same for the last complete one. */
  readonly completeAt: number;
  /** Not all could be copied: a reader of an older state, or another checkpoint. */
  readonly blocked: Streak | null;
  /** All was copied, and yet the WAL did not start over: a reader of the latest state pins it. */
  readonly pinned: Streak | null;
  /** All was copied, and the file could not be made shorter: somebody had a lock at that moment. */
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

/** After a complete checkpoint with no writer beside it, behind which the WAL did not start over. */
export function withPin(history: History, now: number, random: number): History {
  return { ...history, pinned: next('blocked', history.pinned, now, random) };
}

/** The WAL has started over. */
export function withRestart(history: History): History {
  return { ...history, pinned: null };
}

export function withFailure(history: History, error: Error, now: number, random: number): History {
  return { ...history, endedAt: now, failed: { ...next('failed', history.failed, now, random), error } };
}

/** ms until the next attempt of what the streak is about. */
export function pauseOf(streak: Streak | null, now: number): number {
  return streak === null ? 0 : Math.max(0, streak.pausedUntil - now);
}

function next(outcome: 'blocked' | 'failed', streak: Streak | null, now: number, random: number): Streak {
  const consecutive = (streak?.consecutive ?? 0) + 1;
  return { consecutive, since: streak?.since ?? now, pausedUntil: now + checkpointPause(outcome, consecutive, random) };
}

// What the checkpoints of one file came to since it was opened in this thread, in numbers that a metrics page can use.

export interface CheckpointCounts {
  /** Every frame of the WAL was in the database. */
  readonly complete: number;
  /** A read transaction kept frames from being copied. */
  readonly blocked: number;
  /** Another checkpoint or a writer had the lock. */
  readonly busy: number;
  /** SQLite answered with an error. */
  readonly failed: number;
}

/** ms. A checkpoint that copies a few pages, to one that copies a WAL of gigabytes to a slow disk. */
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

  /** Of those that ran through. */
  get durationMs(): Histogram {
    return this.#durationMs.read();
  }
}
