/** Defines the errors of this library: one class for each decision that a caller can take. */
import { brand, lineageOf, nameErrors } from './class-brand';
import { captureAtCaller } from '../base/own-frames';
import { describe, type ErrorContext, type ErrorFacts } from './error-facts';
import { refusalCodes, type RefusalName, type SafeSqliteErrorCode } from './refusal-codes';

/**
 * Base class of every error that this library itself raises; `code` begins with `SAFE_SQLITE_`.
 *
 * `instanceof` holds across copies of this package, and also for `InvalidOptionError` and `ClosedDatabaseError`, which
 * are `TypeError`s as in better-sqlite3.
 */
export abstract class SafeSqliteError extends Error implements ErrorFacts {
  declare readonly code: SafeSqliteErrorCode;
  declare readonly hint: string;
  declare readonly retryable: boolean;
  declare readonly fatal: boolean;
  declare readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, context: ErrorContext = {}) {
    super(message);
    describe(this, refusalCodes[refusalName(this)], context);
    captureAtCaller(this);
  }
}

/** The same for errors that are `TypeError`s, as better-sqlite3 throws in these cases. */
abstract class RefusedAsTypeError extends TypeError implements ErrorFacts {
  declare readonly code: SafeSqliteErrorCode;
  declare readonly hint: string;
  declare readonly retryable: boolean;
  declare readonly fatal: boolean;
  declare readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, context: ErrorContext = {}) {
    super(message);
    describe(this, refusalCodes[refusalName(this)], context);
    captureAtCaller(this);
  }
}

/** Returns the class name set by `brand`, which a subclass of the application inherits. */
function refusalName(error: object): RefusalName {
  return lineageOf(error)[0] as RefusalName;
}

/** An option that is unknown, misspelt, contradictory or of the wrong type. Also a `TypeError`. */
export class InvalidOptionError extends RefusedAsTypeError {}
/** A handle used after `close()`. Also a `TypeError`, with better-sqlite3's message. */
export class ClosedDatabaseError extends RefusedAsTypeError {}
/** The file stands on a filesystem on which SQLite loses data without an error. */
export class UnsafeFilesystemError extends SafeSqliteError {}
/** The database has several names, each of which would get a journal of its own. */
export class HardLinkedDatabaseError extends SafeSqliteError {}
/** A `-wal` or `-journal` is without its database, or without the super-journal of its transaction: SQLite would silently delete it. */
export class OrphanedJournalError extends SafeSqliteError {}
/** The SQLite inside better-sqlite3 has a released corruption bug that applies here. */
export class UnsafeSqliteVersionError extends SafeSqliteError {}
/** A second copy of SQLite in this process has, or would have, the same file. */
export class SqliteCopyConflictError extends SafeSqliteError {}
/** `openDatabase` was called again for a file with settings that contradict the first call. */
export class InstanceConflictError extends SafeSqliteError {}
/** SQL that would take a protection away. */
export class UnsafeStatementError extends SafeSqliteError {}
/** A protection was set, and reading it back does not confirm it. */
export class UnprovedProtectionError extends SafeSqliteError {}
/** The locks of a live connection are gone: something in this process opened and closed the file. */
export class LocksLostError extends SafeSqliteError {}
/** The database or its sidecar was deleted, renamed or replaced under a live connection. */
export class FileReplacedError extends SafeSqliteError {}
/** The file is fenced after a storage fault; `cause` is the first fault. */
export class FencedDatabaseError extends SafeSqliteError {}
/** Another user controls a file, a folder or a link through which this process would read or write. */
export class UntrustedFileError extends SafeSqliteError {}
/** No verified backup exists at the destination. */
export class BackupError extends SafeSqliteError {}
/** The database was not restored. */
export class RestoreError extends SafeSqliteError {}
/** A maintenance job could not run: its thread ended, or SQLite gave an unexpected result. */
export class MaintenanceError extends SafeSqliteError {}
/** The write queue is full; the write was not queued. */
export class WriteQueueFullError extends SafeSqliteError {}
/** A query of `db.reader` exceeded its time limit; it was ended with its reader, or had not got one. */
export class QueryTimeoutError extends SafeSqliteError {}
/** The result of a query of `db.reader` is larger than its limit allows. */
export class ResultTooLargeError extends SafeSqliteError {}
/** A reader process could not be started, or ended in the middle of a query. */
export class ReaderError extends SafeSqliteError {}
/** Too many queries of `db.reader` wait; this one did not run. */
export class ReadQueueFullError extends SafeSqliteError {}

brand(SafeSqliteError, 'SafeSqliteError');

/** Every class of this family, by name. */
export const refusalClasses = {
  InvalidOptionError,
  ClosedDatabaseError,
  UnsafeFilesystemError,
  HardLinkedDatabaseError,
  OrphanedJournalError,
  UnsafeSqliteVersionError,
  SqliteCopyConflictError,
  InstanceConflictError,
  UnsafeStatementError,
  UnprovedProtectionError,
  LocksLostError,
  FileReplacedError,
  FencedDatabaseError,
  UntrustedFileError,
  BackupError,
  RestoreError,
  MaintenanceError,
  WriteQueueFullError,
  QueryTimeoutError,
  ResultTooLargeError,
  ReaderError,
  ReadQueueFullError,
} as const satisfies Record<RefusalName, new (message: string, context?: ErrorContext) => Error>;

for (const [name, refusal] of Object.entries(refusalClasses)) {
  brand(refusal, name, 'SafeSqliteError');
  nameErrors(refusal, name);
}
