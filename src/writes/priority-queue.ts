/** Decides which write is next: one queue per priority, preceded by the writes that must run again. */
import { FifoQueue, type Queueable } from '../base/fifo-queue';

/** Highest first. */
export const priorities = ['high', 'normal', 'low'] as const;

/** The priority of a queued write: see `WriteCallOptions.priority`. */
export type WritePriority = (typeof priorities)[number];

/** The fields that a queued item carries. */
export interface QueueItem extends Queueable {
  readonly priority: WritePriority;
  /** Number of the item in the order of queueing; only the queue writes it. */
  order: number;
}

/** Up to this many items in a row may overtake the oldest one; then it is next. */
const overtakings = 7;

/**
 * The highest priority goes first; within one priority the order is first in, first out.
 *
 * No write starves: of every eight items in a row, one is the oldest of all. An item with `n` older ones before it is
 * therefore taken at the latest as the 8(n + 1)th. (Ageing by time would do the same, but under load all writes would
 * end up at the highest priority.)
 */
export class PriorityQueue<Item extends QueueItem> {
  /** Writes that ran once and were rolled back: they have had their turn, and run again in the same order. */
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

  /** Returns the number of waiting items per priority. */
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

  /** Removes and returns the next item; `undefined` if the queue is empty. */
  shift(): Item | undefined {
    const lane = this.#nextLane();
    const item = lane?.shift();
    if (item !== undefined) this.#size -= 1;
    return item;
  }

  /** Returns the item that was queued first; it need not be the next. */
  oldest(): Item | undefined {
    let oldest: Item | undefined;
    for (const item of this.#firsts()) if (oldest === undefined || item.order < oldest.order) oldest = item;
    return oldest;
  }

  /** Removes spent items from the front of each queue; a later item is never spent before an earlier one. */
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

  /** Removes an item from any position; false if it is not queued. */
  remove(item: Item): boolean {
    const removed = this.#lanes[item.priority].remove(item) || this.#again.remove(item);
    if (removed) this.#size -= 1;
    return removed;
  }

  /** Puts items back in front of all others, in the given order. */
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
    // With a single priority nothing can be overtaken.
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

  /** Candidates for the oldest: items that run again may be in any order. */
  *#firsts(): Generator<Item> {
    yield* this.#again;
    for (const priority of priorities) {
      const first = this.#lanes[priority].peek();
      if (first !== undefined) yield first;
    }
  }
}
