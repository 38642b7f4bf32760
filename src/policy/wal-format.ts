/** What to do with a database in WAL format that stands where its `-shm` does not work. Pure. */
import { SqliteSharedMemoryError } from '../errors/sqlite-errors';
import { isSqliteFailure } from '../errors/translate';
import type { FilesystemReport } from '../filesystem/report';
import { place } from './unsafe-filesystem';

export interface WalFormatWayOut {
  readonly message: string;
  readonly hint: string;
  /** The statements that bring the database back to a rollback journal, in order, on the only connection to it. */
  readonly statements: readonly string[];
}

/**
 * A database whose header says WAL cannot be read at all where mapping or locking the `-shm` fails (9p, some virtiofs,
 * FUSE without a page cache): every statement, `journal_mode=DELETE` among them, throws. With exclusive locking SQLite
 * keeps the index of the WAL in its own memory and needs no `-shm`. @see https://sqlite.org/wal.html#noshm
 */
export function walFormatWayOut(report: FilesystemReport): WalFormatWayOut {
  return {
    message:
      `Cannot open ${place(report)}: it is in WAL format, and its -shm file does not work there ` +
      '(it cannot be mapped into memory, or not be locked). SQLite can neither read nor convert it as it is.',
    hint:
      'Stop every program that uses it, and copy it with its -wal file to a local disk. Open the copy there with ' +
      "`journalMode: 'rollback'`, close it, and copy it back: it is one file then. Or run the statements in " +
      '`details.statements` on it where it is, with the sqlite3 shell.',
    statements: ['PRAGMA locking_mode=EXCLUSIVE', 'PRAGMA journal_mode=DELETE'],
  };
}

/** What SQLite throws when it opens, sizes, maps or locks a `-shm`; measured on 9p, virtiofs and FUSE. */
const sharedMemoryCodes: ReadonlySet<string> = new Set([
  'SQLITE_IOERR_SHMMAP',
  'SQLITE_IOERR_SHMOPEN',
  'SQLITE_IOERR_SHMSIZE',
  'SQLITE_IOERR_SHMLOCK',
  'SQLITE_IOERR_LOCK',
]);

/**
 * The error with the way out, if that is why an open failed; else `null`.
 *
 * @param shmExists - a `-shm` stands beside the database: SQLite makes one only for a database in WAL format
 */
export function walFormatError(
  error: unknown,
  filesystem: FilesystemReport | null,
  shmExists: boolean,
): SqliteSharedMemoryError | null {
  if (filesystem === null || filesystem.verdict === 'wal' || !shmExists) return null;
  if (!isSqliteFailure(error) || !sharedMemoryCodes.has(error.code)) return null;
  const { message, hint, statements } = walFormatWayOut(filesystem);
  return new SqliteSharedMemoryError(message, error.code, { hint, details: { statements, filesystem }, cause: error });
}
