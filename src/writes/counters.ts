/** Counts the work of the queue, in numbers that a metrics page can use directly. */
import { Buckets, commitMsBounds, type Histogram } from '../base/histogram';
import type { WritePriority } from './priority-queue';

/** Facts about the write queue of one database, counted since it was opened. */
export interface WriteQueueFacts {
  /** Writes that are waiting. */
  readonly queued: number;
  /** The same for each priority. */
  readonly queuedByPriority: Readonly<Record<WritePriority, number>>;
  /** How long the oldest of them has waited, in milliseconds; `null` if none waits. */
  readonly oldestMs: number | null;
  /** The obstacle of the queue: `'connection'` is another one that holds the lock; `null` if nothing blocks. */
  readonly waitsFor: 'connection' | 'transaction' | 'iterator' | null;
  /** Commits. */
  readonly batches: number;
  /** Writes that were committed. */
  readonly committed: number;
  /** Writes that were rejected, for any reason: after they were queued, or because the file is fenced or lost. */
  readonly rejected: number;
  /** Writes refused because of `maxQueued`. */
  readonly refused: number;
  /** Runs of functions beyond the first. */
  readonly reruns: number;
  /** Waits for another connection's lock, or for this connection's own transaction or iterator. */
  readonly waits: number;
  /** Duration of the last COMMIT, in milliseconds. */
  readonly lastCommitMs: number | null;
  readonly lastBatchSize: number | null;
  /** Writes per batch. */
  readonly batchSizes: Histogram;
  /** Milliseconds per COMMIT, including the sync. */
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
