/** Counts values into cumulative buckets, as Prometheus does. */

/** Cumulative: a bucket includes the counts of all smaller buckets. */
export interface Histogram {
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}

/** Milliseconds, from a fast local disk to a failing one. */
export const commitMsBounds = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export class Buckets {
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
