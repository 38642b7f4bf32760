/**
 * Reads ranges of a file as bytes, past SQLite. Only for a process that never opens a connection: closing the descriptor
 * cancels the POSIX locks that the process itself has on the file, and those of no other process. fcntl_locking(2)
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errorCode } from '../base/foreign-error';

export interface ByteReader {
  /** Bytes, when it was opened. */
  readonly size: number;
  /** What is there; shorter where the file ends. */
  read(offset: number, length: number): Buffer;
}

/** Does not touch the time of the last access; the kernel allows it to the owner and to root. open(2) */
const noAccessTime = 0x40000;
// A symbolic link is not followed, as SQLite does not; a pipe does not make the process wait.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** `null` where `use` would have nothing to read: no file, or no regular one. Other errors are thrown as they are. */
export function readBytes<Result>(path: string, use: (reader: ByteReader) => Result): Result | null {
  const descriptor = open(path);
  if (descriptor === null) return null;
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return null;
    const { size } = stats;
    // Never more memory than there are bytes: the length may come from the file itself.
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

/** read(2) may stop short; only 0 is the end. */
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
