/** What `db.health()` says of the checkpoints of a file. */
import { performance } from '../base/clock';
import { errorCode } from '../base/foreign-error';
import type { Histogram } from '../base/histogram';
import type { CheckpointCounts } from './history';
import { walLimit } from './report';
import type { FileScheduler } from './scheduler';

export interface CheckpointFactsNow {
  /** `'external'`: another program checkpoints. `'off'`: only `db.checkpoint()` and `close()` do. */
  readonly owner: 'self' | 'external' | 'off';
  /** Bytes in the WAL since it started over; where a transaction hides that, the size of the `-wal` file. */
  readonly walBytes: number;
  /** A WAL above this size is too large, in bytes. */
  readonly walLimitBytes: number;
  /** Bytes in the WAL that are not in the database yet. */
  readonly pendingBytes: number;
  /** Since the last checkpoint after which nothing was pending; `null` before the first. */
  readonly lastCompleteAgeMs: number | null;
  /** Checkpoints in a row that a reader or another checkpoint blocked, and for how long. */
  readonly blocked: { readonly consecutive: number; readonly forMs: number } | null;
  /** Checkpoints in a row that failed. */
  readonly failed: { readonly consecutive: number; readonly code: string; readonly message: string } | null;
  /** Since the file was opened in this thread, by what they came to. */
  readonly counts: CheckpointCounts;
  /** Milliseconds of those that ran through. */
  readonly durationMs: Histogram;
}

/** `null` for a database that has no WAL, and where every connection only reads. */
export function checkpointFacts(scheduler: FileScheduler | null): CheckpointFactsNow | null {
  if (scheduler === null || ![...scheduler.users].some(user => user.checkpoints)) return null;
  const { settings, history, counters } = scheduler;
  const now = performance.now();
  const { walBytes, pendingBytes } = scheduler.wal.look();
  // Whether a WAL that is copied and small starts over matters to nobody.
  const pinned = pendingBytes > 0 || walBytes > walLimit(settings) ? history.pinned : null;
  const blocked = history.blocked ?? pinned;
  const { failed, completeAt } = history;
  return Object.freeze({
    owner: settings === 'off' ? 'off' : settings.owner,
    walBytes,
    walLimitBytes: walLimit(settings),
    pendingBytes,
    lastCompleteAgeMs: Number.isFinite(completeAt) ? now - completeAt : null,
    blocked: blocked === null ? null : { consecutive: blocked.consecutive, forMs: now - blocked.since },
    failed:
      failed === null
        ? null
        : {
            consecutive: failed.consecutive,
            code: errorCode(failed.error) ?? failed.error.name,
            message: failed.error.message,
          },
    counts: counters.counts,
    durationMs: counters.durationMs,
  });
}
