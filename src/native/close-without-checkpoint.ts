/** Closes a connection without the final checkpoint that would write to its file. */
import { statSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { NativeDatabase } from './better-sqlite3';

/** A second connection that keeps a writer from being the last one to close. */
export interface CheckpointBlocker {
  /** False if no connection could be opened: the writer then checkpoints on close if it is the last. */
  readonly holds: boolean;
  /** Closes the second connection; call it after closing the writer. In the other order the checkpoint runs. */
  release(): void;
}

/**
 * Opens a second, read-only connection, which makes the writer not the last to close: the last connection checkpoints
 * the WAL into the database and deletes it, and a read-only one does neither (sqlite.org/wal.html 2.3, os_unix.c).
 *
 * Measured: `-wal` and `-shm` stay the same, byte for byte. Without it, a connection whose `-wal` had been deleted
 * wrote its own frames over a row that another process had committed meanwhile. A database whose path now leads to
 * another file needs none: SQLite itself does not checkpoint a file that has moved (pager.c, databaseIsUnmoved), and
 * the file now at that path must not be opened. better-sqlite3 does not offer SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE.
 */
export function blockCheckpoint(
  file: string,
  identity: FileIdentity | null,
  nativeBinding: string | object | null,
): CheckpointBlocker {
  if (identity !== null && !standsThere(file, identity)) return { holds: true, release: () => {} };
  const reader = openReader(file, nativeBinding);
  return { holds: reader !== null, release: () => reader?.close() };
}

function standsThere(file: string, identity: FileIdentity): boolean {
  try {
    const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stats !== undefined && sameFile(stats, identity);
  } catch {
    return false;
  }
}

function openReader(file: string, nativeBinding: string | object | null): NativeDatabase.Database | null {
  let reader: NativeDatabase.Database;
  try {
    reader = new NativeDatabase(file, {
      readonly: true,
      fileMustExist: true,
      timeout: 0,
      ...(nativeBinding === null ? {} : { nativeBinding: nativeBinding as string }),
    });
  } catch {
    return null;
  }
  try {
    reader.prepare('SELECT count(*) FROM sqlite_schema').get();
  } catch {
    // Its lock counts, and it has that even if the read fails (measured with a deleted -wal).
  }
  return reader;
}
