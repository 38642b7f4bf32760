/**
 * Replaces a database by another file, with a complete database under its name at every instant of a crash.
 *
 * A database is one file only if nothing beside it belongs to it: a `-wal` or `-journal` of the old one beside the new
 * one would be "recovered" into it (measured: SQLITE_CORRUPT, or a silent mix), and the old one without them lacks its
 * last transactions. Two names cannot be renamed at once, so the order is:
 *
 *   1. SQLite itself folds the WAL or the hot journal into the old file and leaves WAL mode (the `fold` job): each of
 *   its
 *      steps is crash-safe, and at the end the old database is one file. It needs exclusive access to the file.
 *   2. BEGIN EXCLUSIVE on it, held through 3 and 4: no other connection can start. Windows cannot rename an open file,
 *   or
 *      replace a file that another process has open: there the lock ends before 3, and the renames fail if one started.
 *   3. link(to, kept): the old file has two names. fsync(folder): the removed sidecars stay removed.
 *   4. rename(new, to), one atomic step: before it the old database has the name, after it the new one. fsync(folder).
 *
 * An old file that SQLite cannot read is never a complete database. Its files are kept unchanged, together, under the
 * dated name, before the first of them loses its own.
 */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errorMessage } from '../../base/foreign-error';
import { RestoreError } from '../../errors/refusals';
import type { FolderHandle } from '../../filesystem/folder-handle';
import { NativeDatabase } from '../../native/better-sqlite3';
import { durableRename, noHardLinks, putBack, tryLink } from '../durable-rename';
import { isHeldOnWindows, sidecarsOf, type PlacedFile, sidecarSuffixes } from '../place';

/** The finished file, and its target. */
export interface Exchange {
  /** The finished file, by the descriptor of its folder. */
  readonly finished: string;
  readonly to: PlacedFile;
  /** The folder of `to`. */
  readonly folder: FolderHandle;
  /** Name of the old database in that folder. */
  readonly keptName: string;
}

/** The old files, and the undo. */
export interface Swap {
  /** The old files under their dated names, the database first; empty if there were none. */
  readonly kept: readonly string[];
  /** Restores the old state. */
  readonly undo: () => Promise<void>;
}

/** Replaces a database that is one complete file, with exclusive access to it. */
export async function swapWhole({ finished, to, folder, keptName }: Exchange): Promise<Swap> {
  const [path, kept] = [folder.at(basename(to.path)), folder.at(keptName)];
  const back = async (): Promise<void> => {
    await putBack(kept, path);
    await folder.sync();
  };
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
    if (process.platform === 'win32') {
      guard.close();
      // Before there is a second name: Windows would not let it be removed.
      if (isHeldOnWindows(to.path)) {
        throw new RestoreError(`${to.path} is open in another program.`, {
          hint: 'Stop that program, then restore.',
        });
      }
    }
    try {
      await keep(path, kept);
      // The removal of the fold's journal must be durable before the new file appears: POSIX allows the disk to keep
      // the rename and not the removal, and SQLite would roll that journal back into the new database.
      await folder.sync();
      await rename(finished, path);
      await folder.sync();
    } catch (error) {
      await takeBack(back, folder.named(error), to.path, join(folder.path, keptName));
    }
  } finally {
    // Its file is the old one, whatever its name is now. It wrote nothing, so there is nothing to undo.
    guard.close();
  }
  return { kept: [join(folder.path, keptName)], undo: back };
}

/** Places the new database if there is none, or one that SQLite cannot read, whose files are kept together. */
export async function swapBroken({ finished, to, folder, keptName }: Exchange, hadFile: boolean): Promise<Swap> {
  const name = basename(to.path);
  // Including those that have only their second name left, because SQLite deleted the first.
  const sidecars = sidecarSuffixes.filter(
    suffix => folder.look(`${name}${suffix}`) !== null || folder.look(`${keptName}${suffix}`) !== null,
  );
  const pairs = [...(hadFile ? [''] : []), ...sidecars].map(suffix => ({
    path: folder.at(`${name}${suffix}`),
    second: folder.at(`${keptName}${suffix}`),
    keptPath: join(folder.path, `${keptName}${suffix}`),
  }));
  let placed = false;
  const undo = async (): Promise<void> => {
    if (!hadFile && placed) await rm(folder.at(name), { force: true });
    const failures: unknown[] = [];
    for (const { path, second } of pairs) await putBack(second, path).catch((error: unknown) => failures.push(error));
    await folder.sync();
    if (failures.length > 0) throw failures[0];
  };
  try {
    for (const { path, second } of pairs) if (!existsSync(second)) await keep(path, second);
    await folder.sync();
    for (const suffix of sidecars) await rm(folder.at(`${name}${suffix}`), { force: true });
    // As above: a removed -wal that returns beside the new database would be recovered into it.
    await folder.sync();
    // Never over a file that another process has just created.
    if (hadFile) await rename(finished, folder.at(name));
    else await durableRename(finished, folder.at(name), null, () => folder.sync());
    placed = true;
    await folder.sync();
  } catch (error) {
    await takeBack(undo, folder.named(error), to.path, join(folder.path, keptName));
  }
  return { kept: pairs.map(({ keptPath }) => keptPath), undo };
}

/** Undoes the exchange and throws `first`; if the undo fails as well, the error tells where the old database is. */
export async function takeBack(undo: () => Promise<void>, first: unknown, path: string, kept: string): Promise<never> {
  try {
    await undo();
  } catch (second) {
    throw new RestoreError(`${errorMessage(first)} The old database could not be put back: ${errorMessage(second)}`, {
      hint: `The old database is ${existsSync(kept) ? kept : path}. When its disk works again, move it, and its sidecars under the same name, to ${path}.`,
      details: { kept, undo: errorMessage(second) },
      cause: first,
    });
  }
  throw first;
}

/** Gives a file a second name; without hard links only the second name, which leaves its place briefly empty. */
async function keep(path: string, name: string): Promise<void> {
  if (!(await tryLink(path, name, noHardLinks))) await rename(path, name);
}
