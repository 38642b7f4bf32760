/** Asks fstat(2) of descriptors that SQLite may close at any time. */
import { fstatSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';

export interface FileState {
  /** Bytes. */
  readonly size: number;
  /** Unlike the modification time it cannot be set by a program. */
  readonly ctimeMs: number;
}

export function sameState(one: FileState, other: FileState): boolean {
  return one.size === other.size && one.ctimeMs === other.ctimeMs;
}

/** Whether a descriptor is open on the file; its number may have been given to another one. */
export function leadsTo(fd: number, file: FileIdentity | null): boolean {
  try {
    return file !== null && sameFile(fstatSync(fd, { bigint: true }), file);
  } catch {
    return false;
  }
}

/** Size and status time of the file with this inode number; null where the descriptor is on another one, or closed. */
export function stateOf(fd: number, inode: number): FileState | null {
  try {
    const stats = fstatSync(fd);
    // Another file under a number that was given away. A double may not hold the whole inode number.
    return stats.ino === inode ? stats : null;
  } catch {
    return null;
  }
}

/** Bytes; null where the descriptor is closed. */
export function sizeOf(fd: number): number | null {
  try {
    return fstatSync(fd).size;
  } catch {
    return null;
  }
}
