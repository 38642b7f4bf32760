/**
 * Parses the header of a `-shm` file: how far the WAL is filled, copied and read.
 * https://sqlite.org/walformat.html#the_wal_index_file_format
 */
import { readBytes } from './byte-reader';

export interface WalIndex {
  /** The two copies of the header agree: no write was in progress. */
  readonly consistent: boolean;
  /** Number of valid frames in the WAL. */
  readonly frames: number;
  /** Of these, the frames that a checkpoint has copied into the database. */
  readonly copiedFrames: number;
  /** As in `WalFile`: equal salts mean that both describe the same generation of the WAL. */
  readonly salts: string;
  /** Last frame that each of the five reader slots reads; `null`: the slot is unused. */
  readonly readMarks: readonly (number | null)[];
}

const headerBytes = 48;
const wantedBytes = 136;
const readSlots = 5;
const unusedMark = 0xffffffff;
/** `WALINDEX_MAX_VERSION` of SQLite, since 3.7.0. */
const version = 3_007_000;

/** Returns `null` if the file does not exist or is not valid. It is in the machine's byte order. */
export function readWalIndex(path: string): WalIndex | null {
  const bytes = readBytes(path, reader => reader.read(0, wantedBytes));
  return bytes === null || bytes.length < wantedBytes ? null : parseWalIndex(bytes);
}

function parseWalIndex(bytes: Buffer): WalIndex | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (offset: number): number => view.getUint32(offset, littleEndian);
  if (word(0) !== version || bytes[12] !== 1) return null;
  return {
    consistent: bytes.subarray(0, headerBytes).equals(bytes.subarray(headerBytes, 2 * headerBytes)),
    frames: word(16),
    copiedFrames: word(2 * headerBytes),
    // The salts are byte copies of those in the WAL.
    salts: bytes.toString('hex', 32, 40),
    readMarks: Array.from({ length: readSlots }, (_, slot) => word(100 + 4 * slot)).map(mark =>
      mark === unusedMark ? null : mark,
    ),
  };
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
