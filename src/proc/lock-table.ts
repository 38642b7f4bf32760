/**
 * Reads the locks of all processes from `/proc/locks`, including those whose descriptors only root can see.
 * proc_locks(5)
 */
import { readFileSync } from 'node:fs';
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

/** Returns the locks on one file; empty if the system does not list them. */
export function locksOn({ dev, ino }: FileIdentity): readonly ListedLock[] {
  const { major, minor } = deviceNumbers(dev);
  const hexadecimal = (number: bigint): string => number.toString(16).padStart(2, '0');
  const file = `${hexadecimal(major)}:${hexadecimal(minor)}:${ino}`;
  return parseLockTable(read()).filter(lock => lock.file === file);
}

function read(): string {
  try {
    return readFileSync(`${procFolder}/locks`, 'latin1');
  } catch {
    return '';
  }
}
