/** A queue with cheap ends, removal from the middle, and memory that is released as it drains. */

/** The field that a queued item carries; only the queue writes it. */
export interface Queueable {
  /** Position of the item, counted from the first item ever queued; -1 while it is not queued. */
  place: number;
}

/** Unused slots tolerated before the array is copied; below this, the copy costs more than the memory. */
const toleratedSlots = 1024;

/**
 * Items are stored in one array from `head` on:
 *
 *     slots  [ -  -  -  c  -  e  f ]        - is an empty slot
 *                       ^head   ^hole, left by `remove`
 *
 * Invariant: every slot before `head` is empty; the items after it are in order, `item.place - base` is the index of an
 * item's slot, and `size` counts the items. Empty slots are dropped when they outnumber the items, which bounds the
 * array to twice the queue and the cost to one move per item on average.
 */
export class FifoQueue<Item extends Queueable> {
  #slots: (Item | undefined)[] = [];
  #head = 0;
  #base = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: Item): void {
    item.place = this.#base + this.#slots.length;
    this.#slots.push(item);
    this.#size += 1;
  }

  /** Returns the first item without removing it; `undefined` when the queue is empty. */
  peek(): Item | undefined {
    while (this.#head < this.#slots.length) {
      const item = this.#slots[this.#head];
      if (item !== undefined) return item;
      this.#head += 1;
    }
    return undefined;
  }

  /** Removes and returns the first item. */
  shift(): Item | undefined {
    const item = this.peek();
    if (item !== undefined) this.remove(item);
    return item;
  }

  /** Removes an item from any position; false if it is not queued. */
  remove(item: Item): boolean {
    const index = item.place - this.#base;
    if (this.#slots[index] !== item) return false;
    this.#slots[index] = undefined;
    item.place = -1;
    this.#size -= 1;
    if (index === this.#head) this.#head += 1;
    if (this.#slots.length - this.#size > this.#size + toleratedSlots) this.#rebuild([]);
    return true;
  }

  /** Puts items back in front of all others, in the given order. */
  putBack(items: readonly Item[]): void {
    this.#size += items.length;
    this.#rebuild(items);
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const item of this.#slots) if (item !== undefined) yield item;
  }

  #rebuild(first: readonly Item[]): void {
    this.#slots = [...first, ...this];
    this.#head = 0;
    this.#base = 0;
    for (const [place, item] of this.#slots.entries()) if (item !== undefined) item.place = place;
  }
}
