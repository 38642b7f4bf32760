/** The temporary files of a backup: created in the destination's folder, removed in every case but `SIGKILL`. */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { open, readdir, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { sidecarSuffixes } from './place';
import { isAbandoned, processIdOf, processStart, temporaryName, thisProcess } from './process-id';

/** A temporary file with the descriptor that it was created with. */
export interface Temporary {
  readonly path: string;
  readonly handle: FileHandle;
}

/**
 * Creates an empty file of our own in `folder`; SQLite fills an empty file as it fills an absent one.
 *
 * It has the permissions of the source from its first byte on, so that a private database has no readable copy. Its
 * descriptor is older than every write, so that a sync of it tells of every write that failed, whoever wrote.
 */
export async function createTemporary(folder: string, mode: number): Promise<Temporary> {
  const path = reserveTemporary(folder);
  const handle = await open(path, 'wx+', 0o600);
  try {
    await handle.chmod(mode);
  } catch {
    // Filesystems without permissions (vfat, some network mounts) and Windows refuse: the file stays as private as it is.
  }
  return { path, handle };
}

/** A name for a temporary file that is not created yet. */
export function reserveTemporary(folder: string): string {
  return join(folder, temporaryName(thisProcess(), randomBytes(6).toString('hex')));
}

/**
 * Removes a temporary file with what SQLite put beside it. What cannot be removed now, a later sweep removes.
 *
 * Never in the calling thread: giving back the blocks of a file of 1 GB takes the filesystem 50 ms and more.
 */
export async function removeTemporary(path: string): Promise<void> {
  await Promise.all(['', ...sidecarSuffixes].map(suffix => tryRemove(`${path}${suffix}`)));
}

/** Removes what killed backups left in `folder`, and says what that was. A folder that cannot be listed is left alone. */
export async function sweepTemporaries(folder: string, now: number): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const owner = processIdOf(name);
    if (owner === null) continue;
    const path = join(folder, name);
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined || !isAbandoned(owner, thisProcess(), now - facts.mtimeMs, processStart).abandoned)
      continue;
    if (await tryRemove(path)) removed.push(path);
  }
  return removed;
}

function tryRemove(path: string): Promise<boolean> {
  return rm(path, { force: true }).then(
    () => true,
    () => false,
  );
}
