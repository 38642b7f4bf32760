/**
 * Parses the header of a WAL index for the sentinel, read through the descriptor that SQLite has open on the `-shm`.
 */

import { isPageSize, storedPageSize } from '../base/page-size';
import { frameHeaderBytes, walChecksum } from '../base/wal-checksum';

/** Bytes: two copies of the header, followed by the notes of checkpoints and readers. */
export const indexHeaderBytes = 136;

/** https://sqlite.org/walformat.html#the_wal_index_file_format */
export interface IndexHeader {
  /** The two salts of the current generation of the WAL, as in each of its frames. */
  readonly salts: string;
  /** Number of valid frames; the last one ends a transaction. */
  readonly frames: number;
  /** The checksum of the last frame. */
  readonly checksum: readonly [number, number];
  /** Bytes. */
  readonly pageSize: number;
  /** Pages of the database as of the last frame. */
  readonly pages: number;
  /** Frames that a checkpoint has copied. */
  readonly copied: number;
  /**
   * Frames that the last checkpoint meant to copy: more than `copied` while it runs, after it failed, and after a
   * recovery.
   */
  readonly attempted: number;
}

/** `WALINDEX_MAX_VERSION` of SQLite, since 3.7.0. */
const version = 3_007_000;
const copyBytes = 48;
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Pure: returns null for a header that is being changed, or is not one. SQLite rebuilds an index in that state from the
 * WAL.
 */
export function parseIndexHeader(bytes: Buffer): IndexHeader | null {
  const word = (offset: number): number => (littleEndian ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset));
  if (word(0) !== version || bytes[12] !== 1) return null;
  if (bytes.compare(bytes, copyBytes, 2 * copyBytes, 0, copyBytes) !== 0) return null;
  const size = littleEndian ? bytes.readUInt16LE(14) : bytes.readUInt16BE(14);
  return {
    frames: word(16),
    pages: word(20),
    checksum: [word(24), word(28)],
    salts: bytes.toString('latin1', 32, 40),
    // 65536 does not fit: it is stored as 1.
    pageSize: (size & 0xfe00) + ((size & 1) << 16),
    copied: word(96),
    // After the five read marks and the eight lock bytes.
    attempted: word(128),
  };
}

/** True if a checkpoint may be writing into the database, as far as the index shows. */
export function mayBeCopying({ copied, attempted }: IndexHeader): boolean {
  return copied !== attempted;
}

/** Equal for two reads between which no checkpoint has copied anything and the WAL was not reset. */
export function sameCheckpoint(one: IndexHeader, other: IndexHeader): boolean {
  return one.salts === other.salts && one.copied === other.copied && one.attempted === other.attempted;
}

export const walHeaderBytes = 32;
export { frameHeaderBytes };

/** Returns the offset of a frame's header; frames count from 1. */
export function frameOffset(frame: number, pageSize: number): number {
  return walHeaderBytes + (frame - 1) * (frameHeaderBytes + pageSize);
}

/** The last bit says how the numbers are read that are summed up. */
const walMagic = 0x377f_0682;

/**
 * Pure: true if a recovery would take the frames of this round behind this header of the `-wal`; otherwise the next open
 * after a crash discards every one of them.
 */
export function isHeaderOf({ salts, pageSize }: IndexHeader, header: Buffer): boolean {
  const magic = header.readUInt32BE(0);
  if ((magic & ~1) >>> 0 !== walMagic || header.readUInt32BE(4) !== version) return false;
  if (header.readUInt32BE(8) !== pageSize || header.toString('latin1', 16, 24) !== salts) return false;
  const { first, second } = walChecksum(header.subarray(0, 24), { first: 0, second: 0 }, isBigEndian(header));
  return header.readUInt32BE(24) === first && header.readUInt32BE(28) === second;
}

/** How the words are read that the checksums of a `-wal` with this header sum up. */
export function isBigEndian(header: Buffer): boolean {
  return header.readUInt32BE(0) !== walMagic;
}

/** An index without a page size is empty: the WAL holds nothing yet, and the `header` of the database is the current one. */
export function withPageSize(index: IndexHeader, header: Buffer): IndexHeader {
  if (index.pageSize !== 0) return index;
  const pageSize = storedPageSize(header);
  // A file without the header of a database has any number there.
  return { ...index, pageSize: isPageSize(pageSize) ? pageSize : 0 };
}
