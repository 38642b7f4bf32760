/** Puts a finished file where it belongs, so that the name holds after a power failure, or puts back what was there. */
import { existsSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A filesystem without hard links (vfat, exfat, some network mounts) answers with one of these. link(2) */
export const noHardLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

/**
 * Gives the synced file `from` the name `to`, and syncs the folder.
 *
 * With `aside`, a file at `to` is replaced; it keeps `aside` as a second name, and comes back from there if the sync
 * fails. Without it, `to` is taken with link(2), which never replaces a file that somebody put there meanwhile.
 *
 *     replace: link(to, aside)  rename(from, to)  fsync(folder)
 *     new:     link(from, to)   unlink(from)      fsync(folder)
 */
export async function durableRename(from: string, to: string, aside: string | null): Promise<void> {
  const kept = aside !== null && (await tryLink(to, aside, [...noHardLinks, 'ENOENT']));
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
    await syncFolder(dirname(to));
  } catch (error) {
    if (placed) await rm(to, { force: true });
    if (kept) await putBack(aside, to);
    throw error;
  }
}

/** rename(2) does nothing when both names are still those of one file, so the second name is removed in any case. */
async function putBack(aside: string, to: string): Promise<void> {
  await rename(aside, to);
  await rm(aside, { force: true });
}

/** Makes the names in a folder durable. fsync(2): "Calling fsync() does not ensure that the entry in the directory ..." */
export async function syncFolder(folder: string): Promise<void> {
  // Windows opens no directories, and NTFS journals its names.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync().catch((error: NodeJS.ErrnoException) => {
      // Some network and FUSE filesystems have no sync of directories, and say so with EINVAL. fsync(2)
      if (error.code !== 'EINVAL') throw error;
    });
  } finally {
    await handle.close();
  }
}

/** False when link(2) answers with one of `otherwise`. */
export async function tryLink(existing: string, name: string, otherwise: readonly string[]): Promise<boolean> {
  try {
    await link(existing, name);
    return true;
  } catch (error) {
    if (otherwise.includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function alreadyThere(path: string): Error {
  return Object.assign(new Error(`EEXIST: there is a file by now: ${path}`), { code: 'EEXIST', syscall: 'link', path });
}
