/** What the queue has done so far, in numbers that a metrics page can use as they are. */
import type { WritePriority } from './lanes';

/** Counts of values up to each bound, as Prometheus has them: a bucket holds those of the buckets before it too. */
export interface Histogram {
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}

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
/** From a fast local disk to one that is in trouble. */
const commitMsBounds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

class Buckets {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;
  last: number | null = null;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  add(value: number): void {
    this.last = value;
    this.#sum += value;
    this.#count += 1;
    const index = this.#bounds.findIndex(bound => value <= bound);
    if (index !== -1) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  read(): Histogram {
    let total = 0;
    const buckets = this.#bounds.map((upTo, index) => ({ upTo, count: (total += this.#counts[index] ?? 0) }));
    return { buckets, sum: this.#sum, count: this.#count };
  }
}

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
