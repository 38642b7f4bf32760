/** Orders the calls that wait for a reader: first in, first out per handle, and the handles take turns. */
import { FifoQueue, type Queueable } from '../base/fifo-queue';

export interface FairItem extends Queueable {
  /** The handle whose turn it takes: a handle with many calls does not delay the others. */
  readonly session: object;
  /** Milliseconds of the monotonic clock. */
  readonly queuedAt: number;
}

export class FairQueue<Item extends FairItem> {
  /** In the order of their turns. */
  readonly #queues = new Map<object, FifoQueue<Item>>();

  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.size;
    return size;
  }

  push(item: Item): void {
    let queue = this.#queues.get(item.session);
    if (queue === undefined) this.#queues.set(item.session, (queue = new FifoQueue()));
    queue.push(item);
  }

  shift(): Item | undefined {
    for (const [session, queue] of this.#queues) {
      // Moves to the end of the row, or out of it.
      this.#queues.delete(session);
      const item = queue.shift();
      if (queue.size > 0) this.#queues.set(session, queue);
      if (item !== undefined) return item;
    }
    return undefined;
  }

  remove(item: Item): boolean {
    const queue = this.#queues.get(item.session);
    if (queue === undefined || item.place === -1) return false;
    const removed = queue.remove(item);
    if (queue.size === 0) this.#queues.delete(item.session);
    return removed;
  }

  oldest(): Item | undefined {
    let oldest: Item | undefined;
    for (const queue of this.#queues.values()) {
      const first = queue.peek();
      if (first !== undefined && (oldest === undefined || first.queuedAt < oldest.queuedAt)) oldest = first;
    }
    return oldest;
  }
}
