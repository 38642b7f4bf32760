/** The locks of all processes, as `/proc/locks` lists them: also of those whose descriptors only root can see. proc_locks(5) */
import { readFileSync } from 'node:fs';
import { deviceNumbers, type FileIdentity } from '../base/file-identity';
import type { HeldLock } from './locks';

export interface ListedLock extends HeldLock {
  readonly pid: number;
  /** `'major:minor:inode'`, the first two in hexadecimal: that of the superblock, which on btrfs is not what stat(2) says. */
  readonly file: string;
}

// "1: POSIX  ADVISORY  READ 8250 fe:00:2147010 1073741826 1073742335"; a request that waits has `->` behind the number.
const line = /^\d+: POSIX\s+\S+\s+(READ|WRITE)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\d+|EOF)$/gm;

/** Pure: the traditional POSIX locks in the text of `/proc/locks`. */
export function parseLockTable(text: string): readonly ListedLock[] {
  return [...text.matchAll(line)].map(([, kind, pid, file = '', start, end]) => ({
    kind: kind === 'WRITE' ? 'write' : 'read',
    pid: Number(pid),
    file,
    start: Number(start),
    end: end === 'EOF' ? Number.MAX_SAFE_INTEGER : Number(end),
  }));
}

/** The locks on one file; empty where the system does not tell. */
export function locksOn({ dev, ino }: FileIdentity): readonly ListedLock[] {
  const { major, minor } = deviceNumbers(dev);
  const hexadecimal = (number: bigint): string => number.toString(16).padStart(2, '0');
  const file = `${hexadecimal(major)}:${hexadecimal(minor)}:${ino}`;
  return parseLockTable(read()).filter(lock => lock.file === file);
}

function read(): string {
  try {
    return readFileSync('/proc/locks', 'latin1');
  } catch {
    return '';
  }
}
