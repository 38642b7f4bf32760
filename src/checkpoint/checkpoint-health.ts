/** Defines what `db.health()` says of the checkpoints of a file; apart from its gathering, because public types lead here. */
import type { Histogram } from '../base/histogram';
import type { CheckpointCounts } from './history';

/** The checkpoints of the file, as far as this process makes them. */
export interface CheckpointHealth {
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
  /** Since the file was opened in this thread, by outcome. */
  readonly counts: Readonly<Record<keyof CheckpointCounts, number>>;
  /** Milliseconds of those that ran through. */
  readonly durationMs: Histogram;
}
