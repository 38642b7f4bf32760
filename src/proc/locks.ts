/**
 * Reads the POSIX locks that the kernel lists for a descriptor in `/proc/self/fdinfo` (proc_pid_fdinfo(5), `lock:`
 * lines).
 */
import fs, { closeSync, readSync } from 'node:fs';
import { procFolder } from '../base/proc-folder';
import { unsupported, type Probed } from './support';

// Taken at load: the process guard asks lstat about each path that is opened later, and none of these is a database.
const { openSync } = fs;

export interface HeldLock {
  readonly kind: 'read' | 'write';
  /** First byte of the range. */
  readonly start: number;
  /** Last byte of the range; infinite if the kernel says `EOF`. */
  readonly end: number;
}

// "lock:  1: POSIX  ADVISORY  READ 8250 fe:00:2147010 1073741826 1073742335". A waiting request has `->` after the number.
const lockLine = /^lock:\s+\d+: POSIX\s+\S+\s+(READ|WRITE)\s+-?\d+\s+\S+\s+(\d+)\s+(\d+|EOF)$/gm;

/**
 * Parses the traditional POSIX locks in the text of a fdinfo file.
 *
 * The kernel lists a lock only at the descriptor that took it, although the whole process owns it: measured, two
 * connections on one file show one lock, at the descriptor of the first.
 */
export function parseLocks(fdinfo: string): readonly HeldLock[] {
  const locks: HeldLock[] = [];
  for (const [, kind, start, end] of fdinfo.matchAll(lockLine)) {
    locks.push({
      kind: kind === 'WRITE' ? 'write' : 'read',
      start: Number(start),
      end: end === 'EOF' ? Number.POSITIVE_INFINITY : Number(end),
    });
  }
  return locks;
}

/** Keeps the fdinfo of one descriptor open; the kernel generates it anew for each read at offset 0. */
export interface LockReader {
  readonly fd: number;
  /** Returns the current text of the fdinfo; null if the descriptor is closed, or the text cannot be read now. */
  read(): string | null;
  stop(): void;
}

// Bytes. A fdinfo with five locks has some 350; a text that does not fit has more locks than a SQLite connection can
// have.
const fdinfoBytes = 4096;
const buffer = Buffer.allocUnsafe(fdinfoBytes);

/** Opens the fdinfo of `fd`. Uses one descriptor until `stop()`. */
export function watchLocks(fd: number): Probed<{ reader: LockReader }> {
  let fdinfo: number | null;
  try {
    fdinfo = openSync(`${procFolder}/self/fdinfo/${fd}`, 'r');
  } catch (cause) {
    return unsupported(`/proc/self/fdinfo/${fd}`, cause);
  }
  let bytes = Buffer.alloc(0);
  let text = '';
  const reader: LockReader = {
    fd,
    read() {
      if (fdinfo === null) return null;
      try {
        const got = readSync(fdinfo, buffer, 0, fdinfoBytes, 0);
        // The same string while nothing changes: its hash is computed once.
        if (bytes.compare(buffer, 0, got) === 0) return text;
        bytes = Buffer.from(buffer.subarray(0, got));
        text = bytes.toString('latin1');
        return text;
      } catch {
        // ENOENT: the described descriptor is closed (fs/proc/fd.c, seq_show). ENOMEM: the kernel had no buffer for the text.
        return null;
      }
    },
    stop() {
      if (fdinfo !== null) closeSync(fdinfo);
      fdinfo = null;
    },
  };
  return { supported: true, reader };
}
