/** A queue whose ends are cheap, whose items can leave from the middle, and which gives its memory back. */

/** What an item of the queue carries; the queue alone writes it. */
export interface Queueable {
  /** Where the item stands, counted from the first item that the queue ever had; -1 while it is not queued. */
  place: number;
}

/** Slots that may stay unused before the array is copied: below this the copy costs more than the memory. */
const toleratedSlots = 1024;

/**
 * Items stand in one array from `head` on:
 *
 *     slots  [ -  -  -  c  -  e  f ]        - is an empty slot
 *                       ^head   ^hole, left by `remove`
 *
 * Invariant: every slot before `head` is empty; the items behind it are in order, and `item.place - base` is the index
 * of its slot; `size` counts the items. Empty slots are dropped when they outnumber the items, so that the array never
 * holds more than twice what is queued, and each item is moved once on the average.
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

  /** The first item, which stays; `undefined` when there is none. */
  peek(): Item | undefined {
    while (this.#head < this.#slots.length) {
      const item = this.#slots[this.#head];
      if (item !== undefined) return item;
      this.#head += 1;
    }
    return undefined;
  }

  /** Takes the first item out. */
  shift(): Item | undefined {
    const item = this.peek();
    if (item !== undefined) this.remove(item);
    return item;
  }

  /** Takes an item out, wherever it stands; false when it is not queued. */
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

  /** Puts items back in front of all others, in the order in which they are given. */
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
