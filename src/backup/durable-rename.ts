/** Moves a finished file to its final name durably, surviving a power failure, or restores the previous file. */
import { link, open, rename, rm } from 'node:fs/promises';
import { existsSync, lstatSync } from 'node:fs';
import { sameFile } from '../base/file-identity';

/** A filesystem without hard links (vfat, exfat, some network mounts) returns one of these. link(2) */
export const noHardLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

/**
 * Gives the synced file `from` the name `to`, and makes the name durable with `sync`.
 *
 * With `aside`, a file at `to` is replaced; it keeps `aside` as a second name, and is restored from there if the sync
 * fails. Without it, `to` is created with link(2), which never replaces a file that appeared meanwhile.
 *
 *     replace: link(to, aside)  rename(from, to)  fsync(folder)
 *     new:     link(from, to)   unlink(from)      fsync(folder)
 */
export async function durableRename(
  from: string,
  to: string,
  aside: string | null,
  sync: () => Promise<void>,
): Promise<void> {
  const kept = aside !== null && (await tryLink(to, aside, [...noHardLinks, 'EXDEV', 'ENOENT']));
  let placed = false;
  try {
    if (aside !== null) await rename(from, to);
    else if (await tryLink(from, to, noHardLinks)) {
      placed = true;
      await rm(from);
    } else {
      if (existsSync(to)) throw alreadyThere(to);
      await rename(from, to);
      placed = true;
    }
    await sync();
  } catch (error) {
    // The first error is the one to report, even if the undo fails.
    if (placed) await rm(to, { force: true }).catch(() => {});
    if (kept) await putBack(aside, to).catch(() => {});
    throw error;
  }
}

/**
 * Gives a file its first name back. If it still has both names, only the second one is removed: rename(2) does nothing
 * there, and Windows refuses, because another process may have the file open.
 */
export async function putBack(second: string, first: string): Promise<void> {
  const kept = lstatSync(second, { bigint: true, throwIfNoEntry: false });
  if (kept === undefined) return;
  const found = lstatSync(first, { bigint: true, throwIfNoEntry: false });
  if (found === undefined || !sameFile(found, kept)) await rename(second, first);
  else await rm(second, { force: true });
}

/** Makes the names in a folder durable. fsync(2): "Calling fsync() does not ensure that the entry in the directory ..." */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open directories, and NTFS journals its names.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync().catch((error: NodeJS.ErrnoException) => {
      // Some network and FUSE filesystems cannot sync directories and report EINVAL. fsync(2)
      if (error.code !== 'EINVAL') throw error;
    });
  } finally {
    await handle.close();
  }
}

/** Returns false if link(2) fails with one of `otherwise`. */
export async function tryLink(existing: string, name: string, otherwise: readonly string[]): Promise<boolean> {
  try {
    await link(existing, name);
    return true;
  } catch (error) {
    if (otherwise.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

export function alreadyThere(path: string): Error {
  return Object.assign(new Error(`EEXIST: file already exists: ${path}`), { code: 'EEXIST', syscall: 'link', path });
}
