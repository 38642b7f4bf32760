/** Declares the checkpoint part of `db.health()`; separate from its gathering, because public types refer to it. */
import type { Histogram } from '../base/histogram';
import type { CheckpointCounts } from './history';

/** The checkpoints of the file that this process runs. */
export interface CheckpointHealth {
  /** `'external'`: another program checkpoints. `'off'`: only `db.checkpoint()` and `close()` do. */
  readonly owner: 'self' | 'external' | 'off';
  /** Bytes in the WAL since its last reset; if a transaction hides that, the size of the `-wal` file. */
  readonly walBytes: number;
  /** A WAL above this size is too large, in bytes. */
  readonly walLimitBytes: number;
  /** Bytes in the WAL that are not yet in the database. */
  readonly pendingBytes: number;
  /** Milliseconds since the last checkpoint after which nothing was pending; `null` before the first. */
  readonly lastCompleteAgeMs: number | null;
  /** Consecutive checkpoints that a reader or another checkpoint blocked, and for how long. */
  readonly blocked: { readonly consecutive: number; readonly forMs: number } | null;
  /** Consecutive failed checkpoints. */
  readonly failed: { readonly consecutive: number; readonly code: string; readonly message: string } | null;
  /** Since the file was opened in this thread, by outcome. */
  readonly counts: Readonly<Record<keyof CheckpointCounts, number>>;
  /** Durations of checkpoints that ran to the end, in milliseconds. */
  readonly durationMs: Histogram;
}
