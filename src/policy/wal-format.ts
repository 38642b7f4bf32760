/** What to do with a database in WAL format that stands where its `-shm` cannot be mapped. Pure. */
import type { FilesystemReport } from '../filesystem/report';
import { place } from './unsafe-filesystem';

export interface WalFormatWayOut {
  readonly message: string;
  readonly hint: string;
  /** The statements that bring the database back to a rollback journal, in order, on the only connection to it. */
  readonly statements: readonly string[];
}

/**
 * A database whose header says WAL cannot be read at all where mmap of the `-shm` fails (9p, some virtiofs): every
 * statement, `journal_mode=DELETE` among them, throws SQLITE_IOERR_SHMMAP. With exclusive locking SQLite keeps the index
 * of the WAL in its own memory and needs no `-shm`. @see https://sqlite.org/wal.html#noshm
 */
export function walFormatWayOut(report: FilesystemReport): WalFormatWayOut {
  return {
    message: `${place(report)} is in WAL format, and its -shm file cannot be mapped into memory there: SQLite can neither read nor convert it.`,
    hint:
      'Copy the database with its -wal file to a local disk and open it there. Or convert it where it is: stop every program that uses it, ' +
      'then on one connection run `PRAGMA locking_mode=EXCLUSIVE` before anything else and then `PRAGMA journal_mode=DELETE`, for example with the sqlite3 shell.',
    statements: ['PRAGMA locking_mode=EXCLUSIVE', 'PRAGMA journal_mode=DELETE'],
  };
}
