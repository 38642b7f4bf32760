/** What the checkpoints of a file came to so far. Pure: each function returns the next state. */
import type { CheckpointResult } from '../maintenance/protocol';
import { checkpointPause } from '../policy/checkpoint';

export interface Streak {
  /** In a row. */
  readonly consecutive: number;
  /** ms of the monotonic clock: when the row began. */
  readonly since: number;
}

export interface History {
  readonly last: CheckpointResult | null;
  /** ms of the monotonic clock: when the last checkpoint ended; `-Infinity` before the first. */
  readonly endedAt: number;
  /** The same for the last complete one. */
  readonly completeAt: number;
  /** Blocked by a reader or by another checkpoint. */
  readonly blocked: Streak | null;
  readonly failed: (Streak & { readonly error: Error }) | null;
  /** All was copied, and yet the WAL did not start over: a reader pins it. */
  readonly pinned: Streak | null;
  /** Before this time, of the monotonic clock, none is tried. */
  readonly pausedUntil: number;
  /** The same for `finish` alone. */
  readonly finishPausedUntil: number;
}

export const noHistory: History = Object.freeze({
  last: null,
  endedAt: Number.NEGATIVE_INFINITY,
  completeAt: Number.NEGATIVE_INFINITY,
  blocked: null,
  failed: null,
  pinned: null,
  pausedUntil: 0,
  finishPausedUntil: 0,
});

/** `random` in [0, 1) spreads the pause. */
export function withResult(history: History, result: CheckpointResult, now: number, random: number): History {
  const common = { ...history, last: result, endedAt: now, failed: null };
  if (result.complete) return { ...common, completeAt: now, blocked: null, pausedUntil: 0 };
  const blocked = next(history.blocked, now);
  return { ...common, blocked, pausedUntil: now + checkpointPause('blocked', blocked.consecutive, random) };
}

/** After a complete checkpoint with no writer beside it: whether the WAL started over at the next commit. */
export function withRestart(history: History, restarted: boolean, now: number, random: number): History {
  if (restarted) return { ...history, pinned: null, finishPausedUntil: 0 };
  const pinned = next(history.pinned, now);
  return { ...history, pinned, finishPausedUntil: now + checkpointPause('blocked', pinned.consecutive, random) };
}

export function withFailure(history: History, error: Error, now: number, random: number): History {
  const streak = next(history.failed, now);
  return {
    ...history,
    endedAt: now,
    failed: { ...streak, error },
    pausedUntil: now + checkpointPause('failed', streak.consecutive, random),
  };
}

function next(streak: Streak | null, now: number): Streak {
  return streak === null ? { consecutive: 1, since: now } : { ...streak, consecutive: streak.consecutive + 1 };
}
