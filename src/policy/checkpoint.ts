/**
 * When the WAL of a file is copied into its database, and how: a pure decision over what is known of the file.
 *
 * Four kinds of checkpoint, from the cheapest on:
 *
 * - `passive`: off the event loop; copies what it can and is in nobody's way. It begins right behind a commit, and is
 *   followed by smaller ones (`maintenance/jobs/catch-up`), so that the last of them mostly fits into the gap between two
 *   commits: then SQLite starts the WAL over, and it cost the application nothing.
 * - `finish`: the same in the thread that writes, between two turns of its event loop, where nobody commits meanwhile:
 *   for commits without gaps. What a `passive` left over is little, so it costs two syncs.
 * - `truncate`: right after a complete `passive`; gives the space of a WAL that a burst made large back.
 * - RESTART and FULL: never. They wait for readers while they keep every writer waiting.
 */
import type { ResolvedCheckpoint } from '../options/resolved';

export interface CheckpointFacts {
  readonly fenced: boolean;
  /** A checkpoint of this process is on its way for the file. */
  readonly running: boolean;
  /** Asked before a commit, and not by the timer: the writer itself can be made to wait. */
  readonly atCommit: boolean;
  /** The event loop has not turned for many commits, or large ones, so that nobody hears what a checkpoint off it came to. */
  readonly loopStands: boolean;
  /** Each connection of this thread that may write to the file has a transaction or an iterator open. */
  readonly occupied: boolean;
  /** Bytes of all frames since the WAL started over, copied or not. */
  readonly walBytes: number;
  /** Bytes of the frames that are not in the database yet. */
  readonly pendingBytes: number;
  /** Commits of this thread since the WAL started over. */
  readonly commits: number;
  /** Size of the `-wal` file: it stays as large as it ever was. */
  readonly fileBytes: number;
  /** How long something has been pending. */
  readonly pendingForMs: number;
  /** Since the last checkpoint ended; infinite before the first one. */
  readonly sinceAttemptMs: number;
  /** Asked right after a `passive` that was complete. */
  readonly justCompleted: boolean;
  /** What is left of the pause after a blocked or failed checkpoint. */
  readonly pauseMs: number;
  /** The same after a `finish` that did not let the WAL start over, because a reader pins it. */
  readonly finishPauseMs: number;
  /** The same after a `truncate` that met a lock. */
  readonly truncatePauseMs: number;
}

/** What only the one who asks knows. */
export type PollTrigger = Pick<CheckpointFacts, 'justCompleted' | 'atCommit' | 'loopStands'>;

export interface CheckpointDecision {
  readonly action: 'none' | 'passive' | 'finish' | 'truncate';
  readonly reason: string;
}

/**
 * Of the size at which the file is truncated: a WAL of this size is started over by a `finish`. Below, a gap between two
 * commits may come that lets it start over for nothing; and a file that does not reach the other size is used again and
 * again, which is faster than a new one (measured: 115 instead of 185 µs a commit).
 */
const finishShare = 0.75;
/** Whatever that size is: before, a checkpoint off the event loop had its chance. */
const finishFactor = 2;
/**
 * After so many commits that size alone counts: one in some thousands is made slower, and each of the others would be,
 * because a WAL that grows has its inode in every sync (measured: 240 instead of 125 µs a commit).
 */
const manyCommits = 2000;
/**
 * A WAL this many times that size makes its writer wait for the checkpoint that runs, and finish it: commits come faster
 * than the disk takes them in a second time, or in a loop that never yields, and without a limit the WAL would fill it.
 */
const overrunFactor = 2;
/** Of that size: a WAL that has grown by so much is looked at, however few commits it was. */
const growthShare = 0.25;
/** Bytes. Less than this needs no look of its own: the commits between two looks write as much when they are small. */
const leastGrowth = 1024 * 1024;
/** ms between two tries to catch up with a writer: each costs two syncs of the disk. */
const catchUpMs = 1000;

/** Decides by the first rule that fits. */
export function decideCheckpoint(facts: CheckpointFacts, settings: ResolvedCheckpoint | 'off'): CheckpointDecision {
  const { walBytes, pendingBytes, fileBytes, pauseMs } = facts;
  if (facts.fenced) return none('the file is fenced');
  if (settings === 'off') return none("`checkpoint` is 'off'");
  if (settings.owner === 'external') return none('another program checkpoints');
  const mayFinish = pendingBytes > 0 && !facts.occupied && pauseMs === 0 && facts.finishPauseMs === 0;
  const late = facts.commits < manyCommits ? settings.truncateAboveBytes * finishShare : 0;
  const large = walBytes >= Math.max(late, settings.walBytes * finishFactor);
  const overrun = walBytes >= settings.truncateAboveBytes * overrunFactor;
  if (mayFinish && facts.atCommit && facts.running && (overrun || (large && facts.loopStands))) {
    return finish(`the WAL has ${walBytes} bytes: the writer waits for its checkpoint`);
  }
  if (facts.running) return none('a checkpoint is running');
  if (settings.thread === 'main' && facts.occupied) return none('a transaction is open on every connection');
  if (pauseMs > 0) return none(`the last one did not succeed; paused for ${Math.ceil(pauseMs)} ms`);
  // Right behind the other one least is pending: what was committed while it ran.
  if (mayFinish && large && facts.justCompleted) return finish(`the WAL has ${walBytes} bytes, and little is pending`);
  // With something pending again, it would copy and sync that while every writer waits.
  const shorten = pendingBytes === 0 && facts.truncatePauseMs === 0;
  if (facts.justCompleted && fileBytes > settings.truncateAboveBytes && shorten) {
    return { action: 'truncate', reason: `all is copied, and the file has ${fileBytes} bytes` };
  }
  if (pendingBytes >= settings.walBytes) return passive(`${pendingBytes} bytes are pending`);
  if (mayFinish && large) return passive(`the WAL has ${walBytes} bytes and shall start over behind this`);
  if (walBytes >= settings.walBytes && pendingBytes > 0 && facts.sinceAttemptMs >= catchUpMs) {
    return passive(`the WAL has ${walBytes} bytes and did not start over yet`);
  }
  if (pendingBytes > 0 && facts.pendingForMs >= settings.intervalMs) {
    return passive(`something is pending for ${Math.floor(facts.pendingForMs)} ms`);
  }
  if (fileBytes > settings.truncateAboveBytes && facts.sinceAttemptMs >= settings.intervalMs) {
    return passive(`the file has ${fileBytes} bytes and could be truncated after it`);
  }
  return none('nothing is due');
}

/** Bytes by which a WAL may grow between two looks at it, so that it does not go far beyond its limit. */
export function growthPerPoll(settings: ResolvedCheckpoint | 'off'): number {
  return settings === 'off'
    ? Number.POSITIVE_INFINITY
    : Math.max(settings.truncateAboveBytes * growthShare, leastGrowth);
}

/** ms: first and longest pause after a checkpoint that somebody blocked: often a transaction that ends in a moment. */
const blockedPauses = { first: 50, longest: 10_000 };
/** ms: the same after one that failed (a full disk). It is another attempt at another time, never a second sync. */
const failedPauses = { first: 1000, longest: 60_000 };

/** How long to leave a file alone after `consecutive` checkpoints in a row that did not succeed. */
export function checkpointPause(outcome: 'blocked' | 'failed', consecutive: number, random: number): number {
  const { first, longest } = outcome === 'blocked' ? blockedPauses : failedPauses;
  const pause = Math.min(first * 2 ** Math.min(consecutive - 1, 20), longest);
  // A quarter of jitter: several processes that were blocked by the same reader do not come back together.
  return pause * (0.875 + random / 4);
}

/**
 * The one setting of a file that several connections have open with different ones: the strictest of each.
 *
 * Who says that another program checkpoints is right for all of them; `'off'` counts only when nobody says otherwise.
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

function finish(reason: string): CheckpointDecision {
  return { action: 'finish', reason };
}

function passive(reason: string): CheckpointDecision {
  return { action: 'passive', reason };
}
