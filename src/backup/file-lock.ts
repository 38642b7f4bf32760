/** Locks a small file through SQLite, so that the lock ends with its process, in whatever container that was. */
import { closeSync, constants, lstatSync, openSync, rmSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from '../base/foreign-error';
import { sameFile } from '../base/file-identity';
import { isSqliteFailure } from '../errors/translate';
import type { FolderHandle } from '../filesystem/folder-handle';
import { NativeDatabase } from '../native/better-sqlite3';

export interface FileLock {
  /** Removes the file and ends the lock. Never throws: the next one takes over what stands there. */
  release(): void;
}

/** `'busy'`: somebody alive has it. `'unusable'`: another user's file, or a filesystem without locks. */
export type LockOutcome = FileLock | 'busy' | 'unusable';

/**
 * Creates `name` in `folder` and locks it, or locks the file that a killed process left there.
 *
 * Node has no file locks, SQLite has those of the kernel, on an empty file as well: a process id, a host name and a boot id
 * all change or repeat from container to container, and a clock is no proof either. A lock is given back when its process
 * dies, whatever killed it. https://sqlite.org/lockingv3.html
 *
 * The file is removed while it is locked. Whoever opened it meanwhile has a lock on a file without a name, sees that, and
 * begins anew.
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

/** Each further one means that somebody else finished in between. */
const attempts = 10;

/** The regular file of this user that stands there now; `null` when it is something else. */
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
    // Takes the lock, and writes nothing: there is no journal before the first write.
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db?.close();
    if (!isSqliteFailure(error)) throw error;
    if (error.code.startsWith('SQLITE_BUSY')) return 'busy';
    return lstatSync(path, { throwIfNoEntry: false }) === undefined ? 'gone' : 'unusable';
  }
}

function holdLock(folder: FolderHandle, name: string, db: NativeDatabase.Database): FileLock {
  const remove = (): void => {
    try {
      rmSync(folder.at(name), { force: true });
    } catch {
      // An empty file that is not locked: the next process takes it.
    }
  };
  return {
    release() {
      remove();
      db.close();
      // Windows removes no open file.
      if (process.platform === 'win32') remove();
    },
  };
}
