/**
 * Defines the errors that SQLite itself reports: one class for each decision that a caller can take, by the table of
 * codes.
 */
import { NativeSqliteError } from '../native/sqlite-error';
import { describe, type ErrorContext, type ErrorFacts } from './error-facts';
import { brand } from './class-brand';
import { resolveCode } from './result-codes';
import type { SqliteErrorName } from './result-codes/row';

/** The state of a transaction whose COMMIT failed. */
export type CommitOutcome = 'rolled-back' | 'unknown';

export interface SqliteErrorContext extends ErrorContext {
  readonly commitOutcome?: CommitOutcome | undefined;
}

/**
 * Base class of every error that SQLite itself reports, and the class of codes without one of their own.
 *
 * It extends better-sqlite3's `SqliteError`, and `name` stays `'SqliteError'`, so code written for better-sqlite3
 * (`instanceof SqliteError`, `err.name`, `err.code`) keeps working.
 */
export class SqliteResultError extends NativeSqliteError implements ErrorFacts {
  /** Extended result code by name, for example `'SQLITE_IOERR_FSYNC'`. */
  declare readonly code: string;
  /** Primary result code by name, for example `'SQLITE_IOERR'`. */
  declare readonly primaryCode: string;
  declare readonly hint: string;
  declare readonly retryable: boolean;
  declare readonly fatal: boolean;
  declare readonly details: Readonly<Record<string, unknown>>;
  /**
   * Set after a failed COMMIT, and after a failure by which SQLite rolled back the whole transaction of a `db.write`.
   * `'rolled-back'`: the transaction is undone and may run again. `'unknown'`: it may or may not be stored, so read
   * before you run it again. With several files, `details.files` names those that may differ.
   */
  declare readonly commitOutcome?: CommitOutcome;

  constructor(message: string, code: string, context: SqliteErrorContext = {}) {
    super(message, code);
    const resolved = resolveCode(code) ?? { code, primaryCode: code, row: generalFailure };
    describe(this, { ...resolved.row, code: resolved.code }, context);
    Object.defineProperty(this, 'primaryCode', { value: resolved.primaryCode, configurable: true, writable: true });
    if (context.commitOutcome !== undefined) this.commitOutcome = context.commitOutcome;
  }
}

const generalFailure = { hint: 'Check the cause.', retryable: false, fatal: false };

/**
 * Marks the outcome after the ROLLBACK that followed a failed COMMIT, which makes it certain. A frozen error stays
 * unchanged.
 */
export function markRolledBack(error: SqliteResultError): void {
  const outcome: CommitOutcome = 'rolled-back';
  Reflect.defineProperty(error, 'commitOutcome', {
    value: outcome,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Another connection holds a lock: try again, or answer that the service is busy. */
export class SqliteBusyError extends SqliteResultError {}
/** The transaction read before it wrote, and another connection wrote in between: run the whole transaction again. */
export class SqliteBusySnapshotError extends SqliteBusyError {}
/** Another process is recovering the WAL: try again shortly. */
export class SqliteBusyRecoveryError extends SqliteBusyError {}
/** This connection blocks itself: finish its running statement or transaction first. */
export class SqliteLockedError extends SqliteResultError {}
/** The disk, or `max_page_count`, is full; the transaction is rolled back. */
export class SqliteFullError extends SqliteResultError {}
/** A system call on the database or its files failed. */
export class SqliteIoError extends SqliteResultError {}
/** The disk did not confirm that data, or a folder, is stored: never retry it. */
export class SqliteFsyncError extends SqliteIoError {}
/** Reading failed, or the data read has a wrong checksum. */
export class SqliteReadError extends SqliteIoError {}
/** Writing, shortening or deleting a file failed. */
export class SqliteWriteError extends SqliteIoError {}
/** The `-shm` file, which WAL mode needs, does not work. */
export class SqliteSharedMemoryError extends SqliteIoError {}
/** A lock could not be queried, taken or released: the filesystem does not implement locks correctly. */
export class SqliteFileLockError extends SqliteIoError {}
/** The data read is not a sound database, or the medium could not read it. */
export class SqliteCorruptError extends SqliteResultError {}
/** The file does not have the signature of a database. */
export class SqliteNotADatabaseError extends SqliteResultError {}
/** The database, or a file beside it, cannot be opened. */
export class SqliteCantOpenError extends SqliteResultError {}
/** A write where only reads are possible. */
export class SqliteReadonlyError extends SqliteResultError {}
/** The data breaks a rule of the schema. */
export class SqliteConstraintError extends SqliteResultError {}
/** A row with this primary key, rowid or unique value already exists. */
export class SqliteUniqueError extends SqliteConstraintError {}
/** A parent row is missing, or is still referenced. */
export class SqliteForeignKeyError extends SqliteConstraintError {}
/** A required column got no value. */
export class SqliteNotNullError extends SqliteConstraintError {}
/** A CHECK constraint refused the row. */
export class SqliteCheckError extends SqliteConstraintError {}
/** The WAL locking protocol failed. */
export class SqliteProtocolError extends SqliteResultError {}
/** The schema kept changing under the statement. */
export class SqliteSchemaError extends SqliteResultError {}
/** The statement is not allowed on this connection. */
export class SqliteAuthError extends SqliteResultError {}
/** The statement was interrupted on purpose. */
export class SqliteInterruptError extends SqliteResultError {}
/** SQLite got no memory. */
export class SqliteOutOfMemoryError extends SqliteResultError {}
/** A value, row or SQL text is longer than the limits. */
export class SqliteTooBigError extends SqliteResultError {}
/** The C library was called in a way that it does not allow. */
export class SqliteMisuseError extends SqliteResultError {}

/** Every class of this family, by name. */
export const sqliteErrorClasses: Readonly<Record<SqliteErrorName, typeof SqliteResultError>> = {
  SqliteResultError,
  SqliteBusyError,
  SqliteBusySnapshotError,
  SqliteBusyRecoveryError,
  SqliteLockedError,
  SqliteFullError,
  SqliteIoError,
  SqliteFsyncError,
  SqliteReadError,
  SqliteWriteError,
  SqliteSharedMemoryError,
  SqliteFileLockError,
  SqliteCorruptError,
  SqliteNotADatabaseError,
  SqliteCantOpenError,
  SqliteReadonlyError,
  SqliteConstraintError,
  SqliteUniqueError,
  SqliteForeignKeyError,
  SqliteNotNullError,
  SqliteCheckError,
  SqliteProtocolError,
  SqliteSchemaError,
  SqliteAuthError,
  SqliteInterruptError,
  SqliteOutOfMemoryError,
  SqliteTooBigError,
  SqliteMisuseError,
};

const nameOf = new Map<object, string>(Object.entries(sqliteErrorClasses).map(([name, value]) => [value, name]));

for (const [name, errorClass] of Object.entries(sqliteErrorClasses)) {
  const families: string[] = [];
  for (let parent = parentOf(errorClass); nameOf.has(parent); parent = parentOf(parent)) {
    families.push(nameOf.get(parent) ?? '');
  }
  brand(errorClass, name, ...families);
}

function parentOf(errorClass: object): object {
  return Object.getPrototypeOf(errorClass) ?? {};
}
