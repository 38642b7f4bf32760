/**
 * Reads the locks of all processes from `/proc/locks`, including those whose descriptors only root can see.
 * proc_locks(5)
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { procFolder } from '../base/proc-folder';
import { deviceNumbers, type FileIdentity } from '../base/file-identity';
import type { HeldLock } from './locks';

export interface ListedLock extends HeldLock {
  readonly pid: number;
  /** `'major:minor:inode'`, the first two in hexadecimal, of the superblock: on btrfs they differ from stat(2). */
  readonly file: string;
}

// "1: POSIX  ADVISORY  READ 8250 fe:00:2147010 1073741826 1073742335"; a waiting request has `->` after the number.
const line = /^\d+: POSIX\s+\S+\s+(READ|WRITE)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\d+|EOF)$/gm;

/** Pure: parses the traditional POSIX locks in the text of `/proc/locks`. */
export function parseLockTable(text: string): readonly ListedLock[] {
  return [...text.matchAll(line)].map(([, kind, pid, file = '', start, end]) => ({
    kind: kind === 'WRITE' ? 'write' : 'read',
    pid: Number(pid),
    file,
    start: Number(start),
    end: end === 'EOF' ? Number.MAX_SAFE_INTEGER : Number(end),
  }));
}

/** The kernel hands out at most so much at once; what is shorter is of one moment. */
const page = 4096;
const longestLine = 128;
const quietReadings = 12;
const mostReadings = 60;

/**
 * Reads a table of locks again and again, until that brings no new lock, and returns every lock that any reading listed.
 *
 * The kernel hands the table out page by page: while other processes lock and unlock, a lock that is held all the time
 * is missing from one reading, or is in it twice. It is the lock at the start of a page, so that readings from the same
 * place agree on a wrong answer: each begins at another one. `seq_read_iter`, fs/seq_file.c
 */
export function everyLock(read: (from: number) => string): readonly ListedLock[] {
  const seen = new Map<string, ListedLock>();
  for (let reading = 0, quiet = 0; reading < mostReadings && quiet < quietReadings; reading++) {
    const before = seen.size;
    const text = read(((reading * 5) % 8) * (page / 8));
    for (const lock of parseLockTable(text)) seen.set(Object.values(lock).join(' '), lock);
    if (reading === 0 && text.length < page - longestLine) break;
    quiet = seen.size === before ? quiet + 1 : 0;
  }
  return [...seen.values()];
}

/** Returns the locks on one file; empty if the system does not list them. */
export function locksOn({ dev, ino }: FileIdentity): readonly ListedLock[] {
  const { major, minor } = deviceNumbers(dev);
  const hexadecimal = (number: bigint): string => number.toString(16).padStart(2, '0');
  const file = `${hexadecimal(major)}:${hexadecimal(minor)}:${ino}`;
  return everyLock(readTable).filter(lock => lock.file === file);
}

/** Returns the text of the table from that byte on; empty if the system has none. */
export function readTable(from: number): string {
  let fd: number;
  try {
    fd = openSync(`${procFolder}/locks`, 'r');
  } catch {
    return '';
  }
  try {
    const parts: string[] = [];
    const part = Buffer.alloc(page);
    for (let at = from, length; (length = readSync(fd, part, 0, page, at)) > 0; at += length)
      parts.push(part.toString('latin1', 0, length));
    return parts.join('');
  } finally {
    closeSync(fd);
  }
}
