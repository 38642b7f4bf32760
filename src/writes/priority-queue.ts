/** Which write is next: one queue for each priority, and in front of them what must run again. */
import { FifoQueue, type Queueable } from '../base/fifo-queue';

/** Highest first. */
export const priorities = ['high', 'normal', 'low'] as const;

/** What a write is queued as: see `WriteCallOptions.priority`. */
export type WritePriority = (typeof priorities)[number];

/** What an item of the lanes carries. */
export interface QueueItem extends Queueable {
  readonly priority: WritePriority;
  /** Counts what was ever queued; written by the lanes alone. */
  order: number;
}

/** So many in a row may overtake the oldest item; the next place is its own. */
const overtakings = 7;

/**
 * The highest priority goes first, and within one priority the order is first in, first out.
 *
 * Nobody starves: of every eight items in a row, one is the oldest of all. So an item with `n` older ones before it is
 * taken at the latest as the 8(n + 1)th, whatever else comes in. (Ageing by time would do the same, but under load it
 * would end with everybody at the highest priority.)
 */
export class PriorityQueue<Item extends QueueItem> {
  /** What ran once already and was rolled back: it has had its turn, and runs again as it was. */
  readonly #again = new FifoQueue<Item>();
  readonly #lanes: Readonly<Record<WritePriority, FifoQueue<Item>>> = {
    high: new FifoQueue(),
    normal: new FifoQueue(),
    low: new FifoQueue(),
  };
  #size = 0;
  #ordered = 0;
  #overtaken = 0;

  get size(): number {
    return this.#size;
  }

  /** How many wait with each priority. */
  sizes(): Record<WritePriority, number> {
    const { high, normal, low } = this.#lanes;
    const sizes = { high: high.size, normal: normal.size, low: low.size };
    for (const { priority } of this.#again) sizes[priority] += 1;
    return sizes;
  }

  push(item: Item): void {
    item.order = this.#ordered++;
    this.#lanes[item.priority].push(item);
    this.#size += 1;
  }

  /** Takes out the item that is next; `undefined` when there is none. */
  shift(): Item | undefined {
    const lane = this.#nextLane();
    const item = lane?.shift();
    if (item !== undefined) this.#size -= 1;
    return item;
  }

  /** The item that was queued before all others; it need not be the next. */
  oldest(): Item | undefined {
    let oldest: Item | undefined;
    for (const item of this.#firsts()) if (oldest === undefined || item.order < oldest.order) oldest = item;
    return oldest;
  }

  /** Takes out, from the front of each queue on, what `isSpent` says; one that came later is never spent before. */
  takeSpent(isSpent: (item: Item) => boolean): Item[] {
    const spent = [...this.#again].filter(isSpent);
    for (const priority of priorities) {
      for (const item of this.#lanes[priority]) {
        if (!isSpent(item)) break;
        spent.push(item);
      }
    }
    for (const item of spent) this.remove(item);
    return spent;
  }

  /** Takes an item out, wherever it stands; false when it is not queued. */
  remove(item: Item): boolean {
    const removed = this.#lanes[item.priority].remove(item) || this.#again.remove(item);
    if (removed) this.#size -= 1;
    return removed;
  }

  /** Puts items back in front of all others, in the order in which they are given. */
  putBack(items: readonly Item[]): void {
    this.#again.putBack(items);
    this.#size += items.length;
  }

  *[Symbol.iterator](): Generator<Item> {
    yield* this.#again;
    for (const priority of priorities) yield* this.#lanes[priority];
  }

  #nextLane(): FifoQueue<Item> | undefined {
    if (this.#again.size > 0) return this.#again;
    const { high, normal, low } = this.#lanes;
    const highest = high.size > 0 ? high : normal.size > 0 ? normal : low;
    // Where all have one priority there is nobody to overtake.
    if (highest.size === this.#size) return highest;
    const oldest = this.oldest();
    if (oldest === undefined || oldest === highest.peek()) {
      this.#overtaken = 0;
      return highest;
    }
    if (this.#overtaken < overtakings) {
      this.#overtaken += 1;
      return highest;
    }
    this.#overtaken = 0;
    return this.#lanes[oldest.priority];
  }

  /** Candidates for the oldest: those that run again may stand in any order. */
  *#firsts(): Generator<Item> {
    yield* this.#again;
    for (const priority of priorities) {
      const first = this.#lanes[priority].peek();
      if (first !== undefined) yield first;
    }
  }
}
