/** Keeps the close of a condemned connection from writing to its file. */
import { statSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { NativeDatabase } from '../native/better-sqlite3';

/** Closes what was held; to be called after the writer is closed. */
export type Release = () => void;

/**
 * Opens a second, read-only connection, so that the writer is not the last to close: the last one checkpoints the WAL
 * into the database and deletes it, and a read-only one does neither (sqlite.org/wal.html 2.3, os_unix.c).
 *
 * Measured: without it, a connection whose `-wal` had been deleted under it wrote its own frames over the row that
 * another process had committed meanwhile. A database whose name leads elsewhere needs none: SQLite itself does not
 * checkpoint a file that has moved (pager.c, databaseIsUnmoved), and the file of that name is not ours to open.
 */
export function holdBack(file: string, identity: FileIdentity, nativeBinding: string | object | null): Release {
  const reader = standsThere(file, identity) ? openReader(file, nativeBinding) : null;
  return () => reader?.close();
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
    // It has its lock all the same, which is what counts (measured with a deleted -wal, where the read fails).
  }
  return reader;
}
