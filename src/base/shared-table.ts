/**
 * Shares texts between the threads of this process in a table of shared memory.
 *
 * The table reaches workers started after this library was loaded, and their workers (`shared-memory.ts`). Workers
 * started earlier have a table of their own.
 *
 *   header   [0] generation: raised by each change
 *   slot     [0] 0 free, 1 used, 2 being written   [1] thread   [2] bytes of the text   [3] version: odd while written
 *            then the text
 *
 * There are no locks: a worker may be terminated at any instruction and would hold them for ever. A slot belongs to the
 * thread that claimed it.
 */
import { threadId } from 'node:worker_threads';
import { sharedMemory } from './shared-memory';

export interface SharedText {
  readonly slot: number;
  /** The publishing thread. */
  readonly thread: number;
  readonly text: string;
}

export interface TableSize {
  /** Maximum number of texts. */
  readonly slots: number;
  /** Untouched memory costs nothing: the system allocates pages on first use. */
  readonly slotBytes: number;
}

const headerBytes = 64; // One cache line.
const textOffset = 16; // Bytes; the text follows the four words of a slot.

export class SharedTable {
  readonly #size: TableSize;
  readonly #words: Int32Array;
  readonly #bytes: Buffer;

  /**
   * All copies of this package share the table of a given name; raise the version in the name when the texts change
   * shape.
   */
  constructor(name: string, size: TableSize) {
    const buffer = sharedMemory(name, headerBytes + size.slots * size.slotBytes);
    this.#size = size;
    this.#words = new Int32Array(buffer);
    this.#bytes = Buffer.from(buffer);
  }

  /** Incremented by every change in any thread. */
  get generation(): number {
    return Atomics.load(this.#words, 0);
  }

  /** Publishes a text to the other threads; returns the slot to withdraw it by, or null if the table is full. */
  publish(text: string): number | null {
    const content = Buffer.from(text);
    if (content.length > this.#size.slotBytes - textOffset) return null;
    const words = this.#words;
    for (let slot = 0; slot < this.#size.slots; slot++) {
      const at = this.#wordOf(slot);
      if (Atomics.compareExchange(words, at, 0, 2) !== 0) continue;
      Atomics.add(words, at + 3, 1);
      Atomics.store(words, at + 1, threadId);
      Atomics.store(words, at + 2, content.length);
      content.copy(this.#bytes, at * Int32Array.BYTES_PER_ELEMENT + textOffset);
      Atomics.add(words, at + 3, 1);
      Atomics.store(words, at, 1);
      Atomics.add(words, 0, 1);
      return slot;
    }
    return null;
  }

  withdraw(slot: number): void {
    Atomics.store(this.#words, this.#wordOf(slot), 0);
    Atomics.add(this.#words, 0, 1);
  }

  /** Returns the texts of all threads, including this one. */
  read(): readonly SharedText[] {
    const found: SharedText[] = [];
    for (let slot = 0; slot < this.#size.slots; slot++) {
      const shared = this.#readSlot(slot);
      if (shared !== null) found.push(shared);
    }
    return found;
  }

  /** Removes the texts of a worker that ended without withdrawing them. */
  withdrawAllOf(thread: number): void {
    for (let slot = 0; slot < this.#size.slots; slot++) {
      const at = this.#wordOf(slot);
      if (Atomics.load(this.#words, at) === 1 && Atomics.load(this.#words, at + 1) === thread) this.withdraw(slot);
    }
  }

  #wordOf(slot: number): number {
    return (headerBytes + slot * this.#size.slotBytes) / Int32Array.BYTES_PER_ELEMENT;
  }

  #readSlot(slot: number): SharedText | null {
    const words = this.#words;
    const at = this.#wordOf(slot);
    if (Atomics.load(words, at) !== 1) return null;
    const version = Atomics.load(words, at + 3);
    const thread = Atomics.load(words, at + 1);
    const start = at * Int32Array.BYTES_PER_ELEMENT + textOffset;
    const text = this.#bytes.toString('utf8', start, start + Atomics.load(words, at + 2));
    // The slot was reused for another text during the read.
    if (version % 2 === 1 || Atomics.load(words, at + 3) !== version || Atomics.load(words, at) !== 1) return null;
    return { slot, thread, text };
  }
}
