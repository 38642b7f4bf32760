/**
 * Decides when and how the WAL of a file is checkpointed. Pure.
 *
 * Four kinds of checkpoint, cheapest first:
 *
 * - `passive`: off the event loop; copies what it can and blocks no connection. It begins right after a commit and is
 *   followed by smaller ones (`maintenance/jobs/catch-up`); the last one mostly fits into the gap between two commits,
 *   after which SQLite resets the WAL at no cost to the application.
 * - `inline`: the same in the writing thread, between two turns of its event loop, when it cannot commit: for commits
 *   without gaps. A `passive` leaves little to copy, so it costs two syncs.
 * - `truncate`: right after a complete `passive`; returns the space of a WAL that a burst made large.
 * - RESTART and FULL: never. They wait for readers while they block every writer.
 */
import type { ResolvedCheckpoint } from '../options/resolved';

export interface CheckpointFacts {
  readonly fenced: boolean;
  /** A checkpoint of the file is running in this process. */
  readonly running: boolean;
  /** Asked before a commit rather than by the timer: the writer itself can be made to wait. */
  readonly atCommit: boolean;
  /** The event loop is blocked, so the result of a background checkpoint cannot be delivered. */
  readonly eventLoopBlocked: boolean;
  /** Every connection of this thread that may write to the file has an open transaction or iterator. */
  readonly occupied: boolean;
  /** Bytes of all frames since the last WAL reset, copied or not. */
  readonly walBytes: number;
  /** Bytes of the frames that are not yet in the database. */
  readonly pendingBytes: number;
  /** Commits of this thread since the last WAL reset. */
  readonly commits: number;
  /** Size of the `-wal` file, which never shrinks by itself. */
  readonly fileBytes: number;
  /** How long frames have been pending. */
  readonly pendingForMs: number;
  /** Since the last checkpoint ended; infinite before the first one. */
  readonly sinceAttemptMs: number;
  /** Asked right after a `passive` that was complete. */
  readonly justCompleted: boolean;
  /** Remaining pause after a blocked or failed checkpoint. */
  readonly pauseMs: number;
  /** Remaining pause after an `inline` that could not reset the WAL because a reader pins it. */
  readonly inlinePauseMs: number;
  /** Remaining pause after a `truncate` that met a lock. */
  readonly truncatePauseMs: number;
}

/** The facts that only the caller knows. */
export type PollTrigger = Pick<CheckpointFacts, 'justCompleted' | 'atCommit' | 'eventLoopBlocked'>;

export interface CheckpointDecision {
  readonly action: 'none' | 'passive' | 'inline' | 'truncate';
  readonly reason: string;
}

/**
 * Share of `truncateAboveBytes` at which an `inline` resets the WAL. Below it, a gap between two commits may still allow
 * a reset at no cost, and a file that stays below `truncateAboveBytes` is reused, which is faster than a new one
 * (measured: 115 instead of 185 µs a commit).
 */
const inlineShare = 0.75;
/** Of the `-wal`, before its frames. */
const headerBytes = 32;
/** Lower bound as a multiple of `walBytes`: background checkpoints get their chance first. */
const inlineFactor = 2;
/**
 * After this many commits the size alone decides: slowing one in some thousands is cheaper than slowing them all, since
 * every sync of a growing WAL also writes its inode (measured: 240 instead of 125 µs a commit).
 */
const manyCommits = 2000;
/** The same for a WAL that makes its file grow; `walBytes` is enough then. */
const manyGrowingCommits = 1000;
/**
 * Multiple of `truncateAboveBytes` at which the writer waits for the running checkpoint and finishes it: commits arrive
 * faster than the disk can copy them, or in a loop that never yields, and without a limit the WAL would fill the disk.
 */
const overrunFactor = 2;
/** Share of `truncateAboveBytes`: growth that triggers a poll, however few commits it took. */
const growthShare = 0.25;
/** Bytes. Smaller growth needs no extra poll: small commits write as much between two polls. */
const leastGrowth = 1024 * 1024;
/** Milliseconds between two attempts to catch up with a writer; each costs two syncs. */
const catchUpMs = 1000;

/** Decides by the first matching rule. */
export function decideCheckpoint(facts: CheckpointFacts, settings: ResolvedCheckpoint | 'off'): CheckpointDecision {
  const { walBytes, pendingBytes, fileBytes, pauseMs } = facts;
  if (facts.fenced) return none('the file is fenced');
  if (settings === 'off') return none("`checkpoint` is 'off'");
  if (settings.owner === 'external') return none('another program checkpoints');
  const mayRunInline = pendingBytes > 0 && !facts.occupied && pauseMs === 0 && facts.inlinePauseMs === 0;
  const grows = facts.commits >= manyGrowingCommits && walBytes >= fileBytes - headerBytes;
  const late = grows || facts.commits >= manyCommits ? 0 : settings.truncateAboveBytes * inlineShare;
  const large = walBytes >= Math.max(late, settings.walBytes * (grows ? 1 : inlineFactor));
  const overrun = walBytes >= settings.truncateAboveBytes * overrunFactor;
  if (mayRunInline && facts.atCommit && facts.running && (overrun || (large && facts.eventLoopBlocked))) {
    return inline(`the WAL has ${walBytes} bytes: the writer waits for its checkpoint`);
  }
  if (facts.running) return none('a checkpoint is running');
  if (settings.thread === 'main' && facts.occupied) return none('a transaction is open on every connection');
  if (pauseMs > 0) return none(`the last one did not succeed; paused for ${Math.ceil(pauseMs)} ms`);
  // Right after the other checkpoint the least is pending: only what was committed while it ran.
  if (mayRunInline && large && facts.justCompleted)
    return inline(`the WAL has ${walBytes} bytes, and little is pending`);
  // With new frames pending, it would copy and sync them while every writer waits.
  const shorten = pendingBytes === 0 && facts.truncatePauseMs === 0;
  if (facts.justCompleted && fileBytes > settings.truncateAboveBytes && shorten) {
    return { action: 'truncate', reason: `all is copied, and the file has ${fileBytes} bytes` };
  }
  if (pendingBytes >= settings.walBytes) return passive(`${pendingBytes} bytes are pending`);
  if (mayRunInline && large) return passive(`the WAL has ${walBytes} bytes and should be reset after this`);
  if (walBytes >= settings.walBytes && pendingBytes > 0 && facts.sinceAttemptMs >= catchUpMs) {
    return passive(`the WAL has ${walBytes} bytes and has not been reset`);
  }
  if (pendingBytes > 0 && facts.pendingForMs >= settings.intervalMs) {
    return passive(`frames have been pending for ${Math.floor(facts.pendingForMs)} ms`);
  }
  if (fileBytes > settings.truncateAboveBytes && facts.sinceAttemptMs >= settings.intervalMs) {
    return passive(`the file has ${fileBytes} bytes and could be truncated after it`);
  }
  return none('nothing is due');
}

/** Bytes by which a WAL may grow between two polls without exceeding its limit by much. */
export function growthPerPoll(settings: ResolvedCheckpoint | 'off'): number {
  return settings === 'off'
    ? Number.POSITIVE_INFINITY
    : Math.max(settings.truncateAboveBytes * growthShare, leastGrowth);
}

/** Milliseconds: first and longest pause after a blocked checkpoint; the cause is often a short transaction. */
const blockedPauses = { first: 50, longest: 10_000 };
/**
 * Milliseconds: the same after a failed one (a full disk). A later checkpoint is a new attempt, never a second sync.
 */
const failedPauses = { first: 1000, longest: 60_000 };

/** Returns how long to pause after `consecutive` unsuccessful checkpoints of a file. */
export function checkpointPause(outcome: 'blocked' | 'failed', consecutive: number, random: number): number {
  const { first, longest } = outcome === 'blocked' ? blockedPauses : failedPauses;
  const pause = Math.min(first * 2 ** Math.min(consecutive - 1, 20), longest);
  // Jitter of a quarter keeps processes that were blocked by the same reader from retrying together.
  return pause * (0.875 + random / 4);
}

/**
 * Merges the settings of several connections of a file: the strictest of each applies.
 *
 * If one connection declares an external owner, that holds for all; `'off'` counts only if all agree.
 */
export function mergeCheckpoint(all: readonly (ResolvedCheckpoint | 'off')[]): ResolvedCheckpoint | 'off' {
  const active = all.filter(settings => settings !== 'off');
  const [first] = active;
  if (first === undefined) return 'off';
  return active.reduce<ResolvedCheckpoint>(
    (merged, settings) => ({
      walBytes: Math.min(merged.walBytes, settings.walBytes),
      intervalMs: Math.min(merged.intervalMs, settings.intervalMs),
      truncateAboveBytes: Math.min(merged.truncateAboveBytes, settings.truncateAboveBytes),
      owner: merged.owner === 'external' ? 'external' : settings.owner,
      thread: merged.thread === 'main' ? 'main' : settings.thread,
    }),
    first,
  );
}

function none(reason: string): CheckpointDecision {
  return { action: 'none', reason };
}

function inline(reason: string): CheckpointDecision {
  return { action: 'inline', reason };
}

function passive(reason: string): CheckpointDecision {
  return { action: 'passive', reason };
}
