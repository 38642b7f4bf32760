/**
 * The calls that change a file by its descriptor, also under Node's permission model, which refuses them all:
 * `fsync`, `fchmod` and `fchown` throw ERR_ACCESS_DENIED there, whatever the process may write.
 *
 * @see https://nodejs.org/api/permissions.html
 */
import { chmodSync, chownSync, constants, fchmodSync, fchownSync, fsyncSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** Node was started with `--permission`. */
export function isRestricted(): boolean {
  return (process as { permission?: unknown }).permission !== undefined;
}

/**
 * For the flags of an open whose file {@link syncWritten} puts on stable storage: under the permission model each write
 * returns when it is there (O_SYNC of open(2)), because no sync can follow.
 */
export function syncedWrites(): number {
  return isRestricted() ? (constants.O_SYNC ?? 0) : 0;
}

/** Syncs a file that was opened with {@link syncedWrites}. */
export function syncWritten(descriptor: number): void {
  if (!isRestricted()) fsyncSync(descriptor);
}

/** Sets the mode by descriptor; under the permission model by `path`. */
export function chmodOpen(descriptor: number, path: string, mode: number): void {
  if (isRestricted()) chmodSync(path, mode);
  else fchmodSync(descriptor, mode);
}

/** Sets the owner by descriptor; under the permission model by `path`. */
export function chownOpen(descriptor: number, path: string, uid: number, gid: number): void {
  if (isRestricted()) chownSync(path, uid, gid);
  else fchownSync(descriptor, uid, gid);
}

/** Syncs by a handle of its own, the one sync that the permission model allows. For folders, and files by name. */
export async function syncByName(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
