/** Keeps the close of a connection from writing to its file. */
import { statSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { NativeDatabase } from './better-sqlite3';

/** What keeps a writer from being the last connection to close. */
export interface CheckpointBlocker {
  /** False when nothing could be opened: the close of the writer would checkpoint, if it is the last. */
  readonly holds: boolean;
  /** Closes what was opened; to be called after the writer is closed. In the other order the checkpoint runs. */
  release(): void;
}

/**
 * Opens a second, read-only connection, so that the writer is not the last to close: the last one checkpoints the WAL
 * into the database and deletes it, and a read-only one does neither (sqlite.org/wal.html 2.3, os_unix.c).
 *
 * Measured: `-wal` and `-shm` stay as they are, byte for byte. Without it, a connection whose `-wal` had been deleted
 * under it wrote its own frames over the row that another process had committed meanwhile. A database whose name leads
 * elsewhere needs none: SQLite itself does not checkpoint a file that has moved (pager.c, databaseIsUnmoved), and the
 * file of that name is not ours to open. better-sqlite3 does not offer SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE.
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
    // It has its lock all the same, which is what counts (measured with a deleted -wal, where the read fails).
  }
  return reader;
}
