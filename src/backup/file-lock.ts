/** Locks a small file through SQLite, with a lock that ends with its process in any container. */
import { closeSync, constants, lstatSync, openSync, rmSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../base/foreign-error';
import { sameFile } from '../base/file-identity';
import { isSqliteFailure } from '../errors/translate';
import type { FolderHandle } from '../filesystem/folder-handle';
import { NativeDatabase } from '../native/better-sqlite3';

export interface FileLock {
  /** Removes the file and ends the lock. Never throws: the next process takes over the remaining file. */
  release(): void;
}

/** `'busy'`: a live process has it. `'unusable'`: another user's file, or a filesystem without locks. */
export type LockOutcome = FileLock | 'busy' | 'unusable';

/**
 * Creates `name` in `folder` and locks it, or locks the file that a killed process left there.
 *
 * Node has no file locks; SQLite uses those of the kernel, even on an empty file. A process id, a host name and a boot
 * id all change or repeat from container to container, and a clock is no proof either. A lock ends with its process,
 * whatever killed it. https://sqlite.org/lockingv3.html
 *
 * The file is removed while it is locked. A process that opened it meanwhile holds a lock on a file without a name,
 * detects that, and starts again.
 */
export function lockFile(folder: FolderHandle, name: string, nativeBinding?: string): LockOutcome {
  const path = folder.at(name);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found = createEmpty(path);
    if (found === null) return 'unusable';
    const db = open(join(folder.path, name), nativeBinding);
    if (typeof db === 'string') {
      if (db === 'gone') continue;
      return db;
    }
    const now = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (now !== undefined && sameFile(now, found)) return holdLock(folder, name, db);
    db.close();
  }
  return 'busy';
}

/** Each further one means that another process finished in between. */
const attempts = 10;

/** Returns the regular file of this user that now exists; `null` if it is something else. */
function createEmpty(path: string): BigIntStats | null {
  try {
    closeSync(openSync(path, createFlags, 0o600));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return createEmpty(path);
  const uid = process.geteuid?.();
  return found.isFile() && found.size === 0n && (uid === undefined || found.uid === BigInt(uid)) ? found : null;
}

const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

function open(path: string, nativeBinding: string | undefined): NativeDatabase.Database | 'busy' | 'unusable' | 'gone' {
  let db: NativeDatabase.Database | undefined;
  try {
    db = new NativeDatabase(path, {
      fileMustExist: true,
      timeout: 0,
      ...(nativeBinding === undefined ? {} : { nativeBinding }),
    });
    // Takes the lock, and leaves the file empty: what SQLite prepares for a new database stands in the -journal beside it, which goes
    // with the transaction, or with that of the next owner.
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db?.close();
    if (!isSqliteFailure(error)) throw error;
    if (error.code.startsWith('SQLITE_BUSY')) return 'busy';
    return lstatSync(path, { throwIfNoEntry: false }) === undefined ? 'gone' : 'unusable';
  }
}

/** A connection without a reference is collected as garbage, and its lock with it. */
const held = new Set<NativeDatabase.Database>();

function holdLock(folder: FolderHandle, name: string, db: NativeDatabase.Database): FileLock {
  held.add(db);
  const remove = (): void => {
    try {
      rmSync(folder.at(name), { force: true });
    } catch {
      // An unlocked empty file: the next process takes it.
    }
  };
  return {
    release() {
      remove();
      held.delete(db);
      db.close();
      // Windows cannot remove an open file.
      if (process.platform === 'win32') remove();
    },
  };
}
