/** What the checkpoints of one file came to since it was opened in this thread, in numbers that a metrics page can use. */
import { Buckets, type Histogram } from '../base/histogram';
import type { CheckpointResult } from '../maintenance/messages';

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
