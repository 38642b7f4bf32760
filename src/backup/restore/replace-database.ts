/**
 * Exchanges a database for another file, so that a crash at any moment leaves a complete database under its name.
 *
 * A database is one file only when nothing beside it belongs to it: a `-wal` or `-journal` of the old one beside the
 * new one would be "recovered" into it (measured: SQLITE_CORRUPT, or a silent mix), and the old one without them lacks
 * its last transactions. Two names cannot be renamed at once, so the order is:
 *
 *   1. SQLite itself takes the WAL or the hot journal into the old file and leaves WAL mode (the `fold` job): each of its
 *      steps is crash-safe, and at the end the old database is one file. It works only with nobody else in the file.
 *   2. BEGIN EXCLUSIVE on it, held through 3 and 4: nobody comes in.
 *   3. link(to, kept): the old file has two names. fsync(folder): what stood beside it stays away.
 *   4. rename(new, to), one atomic step: before it the old database stands there, after it the new one. fsync(folder).
 *
 * An old file that SQLite cannot read is no complete database at any time. Its files are kept as they are, together,
 * under the dated name, before the first of them leaves its place.
 */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { RestoreError } from '../../errors/refusals';
import { NativeDatabase } from '../../native/better-sqlite3';
import { durableRename, noHardLinks, syncFolder, tryLink } from '../durable-rename';
import { sidecarsOf, type PlacedFile, sidecarSuffixes } from '../place';

/** What became of the old files, and the way back. */
export interface Swap {
  /** The old files under their dated names, the database first; empty when there were none. */
  readonly kept: readonly string[];
  /** Puts the old state back. */
  readonly undo: () => Promise<void>;
}

/** Exchanges a database that is one complete file, with nobody else in it. */
export async function swapWhole(finished: string, to: PlacedFile, kept: string): Promise<Swap> {
  // A lock of another connection is met at once: there is nothing to wait for.
  const guard = new NativeDatabase(to.path, { fileMustExist: true, timeout: 0 });
  try {
    guard.exec('BEGIN EXCLUSIVE');
    const beside = sidecarsOf(to.path);
    if (beside.length > 0) {
      throw new RestoreError(`Something opened ${to.path} meanwhile: there is ${beside.join(', ')}.`, {
        hint: 'Stop what opens the database, then restore.',
        details: { beside },
      });
    }
    await keep(to.path, kept);
    // The journal of the fold must be gone for good before the new file comes: POSIX lets the disk keep the rename and
    // not the removal, and SQLite would roll that journal back into the new database.
    await syncFolder(to.folder);
    try {
      await rename(finished, to.path);
      await syncFolder(to.folder);
    } catch (error) {
      await putBack(kept, to.path);
      throw error;
    }
  } finally {
    // Its file is the old one, whatever it is called by now. It wrote nothing, so there is nothing to undo.
    guard.close();
  }
  return {
    kept: [kept],
    undo: async () => {
      await putBack(kept, to.path);
      await syncFolder(to.folder);
    },
  };
}

/** Puts the new database where there is none, or one that SQLite cannot read: its files are kept together. */
export async function swapBroken(finished: string, to: PlacedFile, kept: string, hadFile: boolean): Promise<Swap> {
  // Also those that have only their second name left, because SQLite deleted the first.
  const sidecars = sidecarSuffixes
    .map(suffix => ({ path: `${to.path}${suffix}`, name: `${kept}${suffix}` }))
    .filter(({ path, name }) => existsSync(path) || existsSync(name));
  const undo = async (): Promise<void> => {
    if (hadFile) await putBack(kept, to.path);
    for (const { path, name } of sidecars) await putBack(name, path);
    await syncFolder(to.folder);
  };
  try {
    for (const { path, name } of sidecars) if (!existsSync(name)) await keep(path, name);
    if (hadFile) await keep(to.path, kept);
    await syncFolder(to.folder);
    for (const { path } of sidecars) await rm(path, { force: true });
    // As above: a removed -wal that comes back beside the new database would be recovered into it.
    await syncFolder(to.folder);
    if (hadFile) await rename(finished, to.path);
    // Not over a file that somebody creates at this moment.
    else await durableRename(finished, to.path, null);
    await syncFolder(to.folder);
  } catch (error) {
    await undo();
    throw error;
  }
  return {
    kept: [...(hadFile ? [kept] : []), ...sidecars.map(({ name }) => name)],
    undo: async () => {
      if (!hadFile) await rm(to.path, { force: true });
      await undo();
    },
  };
}

/** Gives a file a second name; where there are no hard links, the second name only, and its place is empty for a moment. */
async function keep(path: string, name: string): Promise<void> {
  if (!(await tryLink(path, name, noHardLinks))) await rename(path, name);
}

/** Gives a kept file its place back. rename(2) does nothing when it still has both names, so the second goes in any case. */
async function putBack(name: string, path: string): Promise<void> {
  if (!existsSync(name)) return;
  await rename(name, path);
  await rm(name, { force: true });
}
