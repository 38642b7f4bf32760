/**
 * Remembers a checksum of each page of a WAL database, to notice a write into the middle of the file.
 *
 * In WAL mode only checkpoints write into the file, and the index and the frames tell which pages one may have written:
 * the others must be unchanged. The ledger fills some pages at a time. If a checkpoint has written and the WAL has started
 * over since the last check, its frames are gone and the ledger starts anew; a database with more pages than fit is sampled evenly.
 */
import { crc32 } from 'node:zlib';
import { performance } from '../base/clock';
import type { IndexHeader } from './wal-index';

/** Pages that are remembered: a checksum of four bytes each. */
const mostPages = 65_536;
/** Bytes that are read at once. */
const chunkBytes = 262_144;

/** Shared by all ledgers: it is filled and used in one go. */
let shared = Buffer.alloc(0);

/** The pages in the frames `from` to `to`; null where they cannot be read or are too many. */
export type PagesOfFrames = (from: number, to: number) => Iterable<number> | null;

/** Fills `into` from a place of the database; how many bytes there are, or null where they cannot be read. */
export type ReadDatabase = (into: Buffer, position: number) => number | null;

export class PageLedger {
  #sums = new Uint32Array(0);
  #known = new Uint8Array(0);
  #knownCount = 0;
  #pageSize = 0;
  /** One page in so many is remembered. */
  #stride = 1;
  #index: IndexHeader | null = null;
  #fillAt = 0;
  #compareAt = 0;
  /** Pages that are still to be compared. */
  #left = 0;

  /** Nothing is left to be done before the file changes. */
  get isComplete(): boolean {
    return this.#index !== null && this.#left === 0 && this.#knownCount === this.#sums.length;
  }

  /** To be called when the file has certainly not been written since the last look, whatever the WAL did meanwhile. */
  carryOver(index: IndexHeader): void {
    if (this.#index === null || this.#index.salts === index.salts) return;
    // An index without a frame has no page size.
    this.#index = { ...index, pageSize: this.#index.pageSize };
  }

  /** Forgets what a checkpoint may have written since the last look. To be called while none is at work. */
  follow(index: IndexHeader, bytes: number, pagesOf: PagesOfFrames): void {
    const before = this.#index;
    // Neither the index nor the file has a page size: the database is empty.
    const pages = index.pageSize === 0 ? 0 : Math.floor(bytes / index.pageSize);
    const sameShape = before !== null && before.pageSize === index.pageSize && before.salts === index.salts;
    const entries = Math.min(pages, mostPages);
    const stride = Math.max(1, Math.ceil(pages / mostPages));
    if (sameShape && before.copied <= index.copied && stride === this.#stride) {
      const written = before.copied === index.copied ? [] : pagesOf(before.copied + 1, index.copied);
      if (written !== null) {
        for (const page of written) this.#forget(page - 1);
        if (Math.ceil(pages / stride) !== this.#sums.length) this.#resize(Math.ceil(pages / stride));
        this.#index = index;
        return;
      }
    }
    this.#index = index;
    this.#pageSize = index.pageSize;
    this.#stride = stride;
    const length = stride === 1 ? entries : Math.ceil(pages / stride);
    this.#sums = new Uint32Array(length);
    this.#known = new Uint8Array(length);
    this.#knownCount = this.#fillAt = this.#left = 0;
  }

  /** Marks all remembered pages for comparison: the file was touched, and no checkpoint did it. */
  suspect(): void {
    this.#left = this.#sums.length;
  }

  /**
   * Compares for up to `mostMs`, one piece at least; the number of a page that is not as it was, counted from 1.
   * `'unread'`: it could not be read. Null where all that was compared is right. `'some'`: also where nothing is suspect.
   */
  compare(read: ReadDatabase, mostMs: number, which: 'suspect' | 'some' = 'suspect'): number | 'unread' | null {
    const end = performance.now() + mostMs;
    let todo = which === 'some' ? Math.min(this.#sums.length, this.#pagesAtOnce()) : this.#left;
    for (let first = true; todo > 0 && (first || performance.now() < end); first = false) {
      if (this.#compareAt >= this.#sums.length) this.#compareAt = 0;
      const entry = this.#compareAt;
      const count = Math.min(todo, this.#sums.length - entry, this.#pagesAtOnce());
      const chunk = this.#readPages(read, entry, count);
      if (chunk === null) return 'unread';
      for (let n = 0; n < count; n++) {
        if (this.#known[entry + n] === 0) continue;
        if (this.#sum(chunk, n) !== this.#sums[entry + n]) return (entry + n) * this.#stride + 1;
      }
      this.#compareAt = entry + count;
      todo -= count;
      this.#left = Math.max(0, this.#left - count);
    }
    return null;
  }

  /**
   * Remembers more, for up to `mostMs`, one piece at least. Returns what makes it count, once it is certain that no
   * checkpoint has begun meanwhile.
   */
  fill(read: ReadDatabase, mostMs: number): () => void {
    const end = performance.now() + mostMs;
    const found: (readonly [entry: number, sum: number])[] = [];
    let at = this.#fillAt;
    for (let seen = 0; seen < this.#sums.length && (found.length === 0 || performance.now() < end);) {
      if (at >= this.#sums.length) at = 0;
      if (this.#known[at] === 1) {
        at += 1;
        seen += 1;
        continue;
      }
      const count = Math.min(this.#sums.length - at, this.#pagesAtOnce());
      const chunk = this.#readPages(read, at, count);
      if (chunk === null) break;
      for (let n = 0; n < count; n++) if (this.#known[at + n] === 0) found.push([at + n, this.#sum(chunk, n)]);
      at += count;
      seen += count;
    }
    return () => {
      for (const [entry, sum] of found) {
        this.#sums[entry] = sum;
        this.#known[entry] = 1;
      }
      this.#knownCount += found.length;
      this.#fillAt = at;
    };
  }

  #pagesAtOnce(): number {
    return this.#stride > 1 ? 1 : Math.max(1, Math.floor(chunkBytes / this.#pageSize));
  }

  #readPages(read: ReadDatabase, entry: number, count: number): Buffer | null {
    const bytes = count * this.#pageSize;
    if (shared.length < bytes) shared = Buffer.alloc(bytes);
    const chunk = shared.subarray(0, bytes);
    return read(chunk, entry * this.#stride * this.#pageSize) === bytes ? chunk : null;
  }

  #sum(chunk: Buffer, n: number): number {
    return crc32(chunk.subarray(n * this.#pageSize, (n + 1) * this.#pageSize));
  }

  #forget(page: number): void {
    const entry = page / this.#stride;
    if (!Number.isInteger(entry) || this.#known[entry] !== 1) return;
    this.#known[entry] = 0;
    this.#knownCount -= 1;
  }

  /** The file has grown or shrunk by a checkpoint: what is behind the old or new end is not known. */
  #resize(length: number): void {
    const sums = new Uint32Array(length);
    const known = new Uint8Array(length);
    sums.set(this.#sums.subarray(0, length));
    known.set(this.#known.subarray(0, length));
    this.#sums = sums;
    this.#known = known;
    this.#knownCount = known.reduce((sum, each) => sum + each, 0);
    this.#fillAt = 0;
    this.#left = Math.min(this.#left, length);
  }
}
