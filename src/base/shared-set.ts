/**
 * Shares a set of texts between the threads of this process, of which the first to add a text learns that it was first.
 *
 * It holds hashes of 64 bits, each in a place of its own, claimed by one atomic instruction: a worker that is terminated
 * leaves nothing half written. Texts are never removed.
 */
import { createHash } from 'node:crypto';
import { sharedMemory } from './shared-memory';

export class SharedSet {
  readonly #places: BigInt64Array;

  /** All copies of this package share the set of a given name. `size`: maximum number of texts. */
  constructor(name: string, size: number) {
    this.#places = new BigInt64Array(sharedMemory(name, size * BigInt64Array.BYTES_PER_ELEMENT));
  }

  /** True for the first thread of the process that adds this text; for every thread once the set is full. */
  add(text: string): boolean {
    const hash = createHash('sha256').update(text).digest().readBigInt64LE() || 1n;
    for (let place = 0; place < this.#places.length; place += 1) {
      const found = Atomics.compareExchange(this.#places, place, 0n, hash);
      if (found === 0n) return true;
      if (found === hash) return false;
    }
    return true;
  }
}
