/** Finds the remedy for a database in WAL format on a filesystem where its `-shm` does not work. Pure. */
import { SqliteCantOpenError, SqliteSharedMemoryError } from '../errors/sqlite-errors';
import { isSqliteFailure } from '../errors/translate';
import type { FilesystemReport } from '../filesystem/report';
import { place } from './unsafe-filesystem';

export interface WalFormatWayOut {
  readonly message: string;
  readonly hint: string;
  /** The statements that return the database to a rollback journal, in order, on its only connection. */
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
      '(it cannot be mapped into memory or locked). SQLite can neither read nor convert it in place.',
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
 * Returns the error with the remedy if that is why an open failed, else `null`.
 *
 * @param shmExists - a `-shm` exists beside the database: SQLite creates one only for a database in WAL format
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

/** The facts about a failed read-only open. */
export interface ReadonlyGround {
  readonly file: string;
  readonly shmExists: boolean;
  /** This user may read it, and no `-journal` waits to be played back: neither is why it cannot be opened. */
  readonly isReadable: boolean;
  /** Error of access(2) for writing into the folder; `null`: it is writable. */
  readonly folderWriteError: string | null;
}

/**
 * SQLite reads a database in WAL format only with a `-shm`, and creates one for a reader too. If it cannot, it reports
 * only SQLITE_CANTOPEN. Returns `null` if the failure has another reason. @see
 * https://sqlite.org/wal.html#read_only_databases
 */
export function readonlyWalError(error: unknown, ground: ReadonlyGround): SqliteCantOpenError | null {
  if (!isSqliteFailure(error) || !error.code.startsWith('SQLITE_CANTOPEN')) return null;
  const { file, shmExists, isReadable, folderWriteError } = ground;
  if (shmExists || !isReadable || folderWriteError === null) return null;
  return new SqliteCantOpenError(
    `Cannot read ${file}: it is in WAL format, its -wal and -shm are missing, and SQLite cannot create them there (${folderWriteError}).`,
    'SQLITE_CANTOPEN',
    {
      hint: readonlyWalAdvice(file),
      details: { file, folderWriteError },
      cause: error,
    },
  );
}

/** The two ways out, the same wherever such a file is met. */
export function readonlyWalAdvice(file: string): string {
  return `Copy ${file} to a folder that can be written and open the copy. Or give the original a rollback journal before it is published: where it can be written, run \`PRAGMA journal_mode=DELETE\` and copy it then.`;
}
