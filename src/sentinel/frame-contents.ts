/**
 * Verifies the frames of a `-wal`, each with its page: a recovery after a crash ends at the first frame whose checksum is
 * wrong, and loses every later commit.
 *
 * The checksum of a frame continues that of the frame before, which its header holds: so each can be verified alone.
 * https://sqlite.org/fileformat2.html#the_write_ahead_log
 */
import { performance } from '../base/clock';
import { frameChecksum, storedChecksum, type Checksum } from '../base/wal-checksum';
import { sameState, type FileState } from './descriptor-state';
import { frameHeaderBytes, frameOffset, isBigEndian, isHeaderOf, walHeaderBytes, type IndexHeader } from './wal-index';

/** Fills a buffer from an offset, and returns the number of bytes; null if that failed. */
type Read = (into: Buffer, offset: number) => number | null;

/** Frames between two readings of the clock: some 20 µs. */
const framesPerLook = 16;
/** Frames, evenly spread, of which the salts are compared at each look, however many wait to be verified. */
const sampledFrames = 64;

/** Goes over the frames in their order, some at a time, and begins anew behind the last one. */
export class FrameContents {
  #frame = Buffer.alloc(0);
  readonly #before = Buffer.alloc(8);
  readonly #header = Buffer.alloc(frameHeaderBytes);
  readonly #walHeader = Buffer.alloc(walHeaderBytes);
  #salts = '';
  #frames = 0;
  #state: FileState | null = null;
  #next = 1;
  /** Frames that were not verified since the `-wal` changed. */
  #left = 0;

  /** True if each frame was verified since the last change of the `-wal`. */
  get isComplete(): boolean {
    return this.#left === 0 && this.#state !== null;
  }

  /**
   * Says how the `-wal` differs from what SQLite wrote; null if no difference was found within `withinMs`, or it cannot be
   * read. `state`: that of the file; null where a later write might leave the same one, or where all is to be verified.
   */
  wrong(index: IndexHeader, state: FileState | null, read: Read, withinMs: number): string | null {
    const header = read(this.#walHeader, 0);
    if (header === null) return null;
    if (header !== walHeaderBytes || !isHeaderOf(index, this.#walHeader)) return 'has another header than its frames';
    this.#follow(index, state);
    const frame = this.#sample(index, read) ?? this.#firstWrong(index, read, withinMs);
    return typeof frame === 'number' ? `has something else in place of frame ${frame}` : null;
  }

  #follow({ salts, frames }: IndexHeader, state: FileState | null): void {
    if (salts !== this.#salts) this.#next = 1;
    const isSame =
      salts === this.#salts &&
      frames === this.#frames &&
      state !== null &&
      this.#state !== null &&
      sameState(state, this.#state);
    if (!isSame) this.#left = frames;
    this.#salts = salts;
    this.#frames = frames;
    this.#state = state;
    if (this.#next > frames) this.#next = 1;
  }

  /** Returns the number of a frame that is not as SQLite wrote it. */
  #firstWrong(index: IndexHeader, read: Read, withinMs: number): number | 'unread' | null {
    const bytes = frameHeaderBytes + index.pageSize;
    if (this.#frame.length !== bytes) this.#frame = Buffer.alloc(bytes);
    const bigEndian = isBigEndian(this.#walHeader);
    const until = performance.now() + withinMs;
    let before: Checksum | null = null;
    for (let looked = 1; this.#left > 0; looked += 1) {
      const number = this.#next;
      before ??= this.#checksumBefore(number, index, read);
      const got: number | null = before === null ? null : read(this.#frame, frameOffset(number, index.pageSize));
      if (before === null || got === null) return 'unread';
      const after: Checksum | null = got === bytes ? frameChecksum(this.#frame, before, bigEndian) : null;
      if (after === null || this.#frame.toString('latin1', 8, 16) !== index.salts) return number;
      this.#left -= 1;
      this.#next = number >= index.frames ? 1 : number + 1;
      before = this.#next === 1 ? null : after;
      if (looked % framesPerLook === 0 && performance.now() >= until) return null;
    }
    return null;
  }

  #sample({ salts, frames, copied, pageSize }: IndexHeader, read: Read): number | 'unread' | null {
    const step = Math.max(1, Math.floor((frames - copied) / sampledFrames));
    for (let frame = copied + 1; frame <= frames; frame += step) {
      const got = read(this.#header, frameOffset(frame, pageSize));
      if (got === null) return 'unread';
      if (got !== frameHeaderBytes || this.#header.toString('latin1', 8, 16) !== salts) return frame;
    }
    return null;
  }

  #checksumBefore(number: number, { pageSize }: IndexHeader, read: Read): Checksum | null {
    if (number === 1) return storedChecksum(this.#walHeader, walHeaderBytes - 8);
    const got = read(this.#before, frameOffset(number - 1, pageSize) + frameHeaderBytes - 8);
    return got === this.#before.length ? storedChecksum(this.#before, 0) : null;
  }
}
