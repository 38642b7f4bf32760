/** The temporary files of a backup: created in the destination's folder, removed in every case but `SIGKILL`. */
import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isAbandoned, ownerOf, processStart, temporaryName, thisOwner } from './owner';

/** What SQLite may put beside a database. */
export const sidecarSuffixes = ['-journal', '-wal', '-shm'] as const;

/**
 * Creates an empty file of our own in `folder`; SQLite fills an empty file as it fills an absent one.
 *
 * It has the permissions of the source from its first byte on, so that a private database has no readable copy.
 */
export function createTemporary(folder: string, mode: number): string {
  const path = reserveTemporary(folder);
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    if (process.platform !== 'win32') fchmodSync(descriptor, mode);
  } finally {
    closeSync(descriptor);
  }
  return path;
}

/** A name for a temporary file that is not created yet. */
export function reserveTemporary(folder: string): string {
  return join(folder, temporaryName(thisOwner(), randomBytes(6).toString('hex')));
}

/** Removes a temporary file with what SQLite put beside it. What cannot be removed now, a later sweep removes. */
export function removeTemporary(path: string): void {
  for (const suffix of ['', ...sidecarSuffixes]) tryRemove(`${path}${suffix}`);
}

/** Removes what killed backups left in `folder`, and says what that was. A folder that cannot be listed is left alone. */
export function sweepTemporaries(folder: string, now: number): readonly string[] {
  const removed: string[] = [];
  for (const name of list(folder)) {
    const owner = ownerOf(name);
    if (owner === null) continue;
    const path = join(folder, name);
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined || !isAbandoned(owner, thisOwner(), now - facts.mtimeMs, processStart).abandoned) continue;
    if (tryRemove(path)) removed.push(path);
  }
  return removed;
}

function tryRemove(path: string): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
