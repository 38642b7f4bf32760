/**
 * Reads byte ranges of a file without SQLite. Only for a process that never opens a connection: closing the descriptor
 * cancels the POSIX locks of this process on the file, and no other's. fcntl_locking(2)
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errorCode } from '../base/foreign-error';

export interface ByteReader {
  /** Size in bytes at the time of the open. */
  readonly size: number;
  /** Returns the available bytes; fewer at the end of the file. */
  read(offset: number, length: number): Buffer;
}

/** Keeps the access time unchanged; allowed to the owner and root. open(2) */
const noAccessTime = 0x40000;
// Symbolic links are not followed, as in SQLite; a pipe does not block.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Returns `null` if there is no regular file to read. Other errors are thrown unchanged. */
export function readBytes<Result>(path: string, use: (reader: ByteReader) => Result): Result | null {
  const descriptor = open(path);
  if (descriptor === null) return null;
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return null;
    const { size } = stats;
    // Never allocates more than the file has: the length may come from the file itself.
    const within = (offset: number, length: number): number => Math.max(0, Math.min(length, size - offset));
    return use({ size, read: (offset, length) => read(descriptor, offset, within(offset, length)) });
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): number | null {
  try {
    return process.platform === 'linux' ? openUnseen(path) : openSync(path, flags);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENXIO') return null;
    throw error;
  }
}

function openUnseen(path: string): number {
  try {
    return openSync(path, flags | noAccessTime);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error;
    return openSync(path, flags);
  }
}

/** read(2) may return early; only 0 means the end. */
function read(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const got = readSync(descriptor, bytes, done, length - done, offset + done);
    if (got === 0) break;
    done += got;
  }
  return bytes.subarray(0, done);
}
