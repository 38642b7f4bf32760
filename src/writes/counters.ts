/** What the queue has done so far, in numbers that a metrics page can use as they are. */
import { Buckets, commitMsBounds, type Histogram } from '../base/histogram';
import type { WritePriority } from './priority-queue';

/** Facts about the write queue of one database, counted since it was opened. */
export interface WriteQueueFacts {
  /** Writes that wait now. */
  readonly queued: number;
  /** The same for each priority. */
  readonly queuedByPriority: Readonly<Record<WritePriority, number>>;
  /** How long the oldest of them has waited, in milliseconds; `null` when none waits. */
  readonly oldestMs: number | null;
  /** What the queue waits for: `'connection'` is another one with the lock; `null` when nothing is in the way. */
  readonly waitsFor: 'connection' | 'transaction' | 'iterator' | null;
  /** Commits. */
  readonly batches: number;
  /** Writes that were committed. */
  readonly committed: number;
  /** Writes that were rejected, for whatever reason, once they were queued. */
  readonly rejected: number;
  /** Writes that `maxQueued` refused. */
  readonly refused: number;
  /** Runs of functions beyond the first. */
  readonly reruns: number;
  /** Waits for a lock of another connection, or for one's own transaction or iterator. */
  readonly waits: number;
  /** How long the last COMMIT took, in milliseconds. */
  readonly lastCommitMs: number | null;
  readonly lastBatchSize: number | null;
  /** Writes in a batch. */
  readonly batchSizes: Histogram;
  /** Milliseconds of COMMIT, the sync included. */
  readonly commitMs: Histogram;
}

const sizeBounds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Only the queue changes it. */
export class WriteCounters {
  committed = 0;
  rejected = 0;
  refused = 0;
  reruns = 0;
  waits = 0;
  readonly #batchSizes = new Buckets(sizeBounds);
  readonly #commitMs = new Buckets(commitMsBounds);

  batch(size: number, commitMs: number): void {
    this.#batchSizes.add(size);
    this.#commitMs.add(commitMs);
  }

  facts(now: Pick<WriteQueueFacts, 'queued' | 'queuedByPriority' | 'oldestMs' | 'waitsFor'>): WriteQueueFacts {
    const { committed, rejected, refused, reruns, waits } = this;
    const batchSizes = this.#batchSizes.read();
    return {
      ...now,
      batches: batchSizes.count,
      committed,
      rejected,
      refused,
      reruns,
      waits,
      lastCommitMs: this.#commitMs.last,
      lastBatchSize: this.#batchSizes.last,
      batchSizes,
      commitMs: this.#commitMs.read(),
    };
  }
}
