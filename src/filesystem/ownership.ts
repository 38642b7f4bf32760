/** Reads the owners and permissions of the files of a database. By lstat alone. */
import { lstatSync, statSync } from 'node:fs';

export interface Ownership {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits with set-user-id and sticky: the last twelve of `st_mode`. */
  readonly permissions: number;
  readonly bytes: number;
  /** ISO 8601. */
  readonly modified: string;
}

const permissionBits = 0o7777;

/** Returns `null` if `path` does not exist. A folder is followed; a file of a database is never a link. */
export function readOwnership(path: string, follow = false): Ownership | null {
  const stats = (follow ? statSync : lstatSync)(path, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  const { uid, gid, mode, size, mtime } = stats;
  return { path, uid, gid, permissions: mode & permissionBits, bytes: size, modified: mtime.toISOString() };
}
