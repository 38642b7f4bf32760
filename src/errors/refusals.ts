/** The refusals of this library: one class for each decision that a caller can take. */
import { brand, nameErrors } from './class-brand';
import { describe, type ErrorContext, type ErrorFacts } from './error-facts';
import { refusalCodes, type RefusalName, type SafeSqliteErrorCode } from './refusal-codes';

/**
 * The family of everything that this library itself refuses; `code` begins with `SAFE_SQLITE_`.
 *
 * `instanceof` holds across copies of this package, and also for `InvalidOptionError` and `ClosedDatabaseError`, which
 * are `TypeError`s as they are in better-sqlite3.
 */
export abstract class SafeSqliteError extends Error implements ErrorFacts {
  declare readonly code: SafeSqliteErrorCode;
  declare readonly hint: string;
  declare readonly retryable: boolean;
  declare readonly fatal: boolean;
  declare readonly details: Readonly<Record<string, unknown>>;

  constructor(name: RefusalName, message: string, context: ErrorContext) {
    super(message);
    describe(this, refusalCodes[name], context);
  }
}

/** The same for the refusals that are `TypeError`s, because better-sqlite3 throws a `TypeError` there. */
abstract class RefusedAsTypeError extends TypeError implements ErrorFacts {
  declare readonly code: SafeSqliteErrorCode;
  declare readonly hint: string;
  declare readonly retryable: boolean;
  declare readonly fatal: boolean;
  declare readonly details: Readonly<Record<string, unknown>>;

  constructor(name: RefusalName, message: string, context: ErrorContext) {
    super(message);
    describe(this, refusalCodes[name], context);
  }
}

/** An option that is unknown, misspelt, contradictory or of the wrong type. Also a `TypeError`. */
export class InvalidOptionError extends RefusedAsTypeError {
  constructor(message: string, context: ErrorContext = {}) {
    super('InvalidOptionError', message, context);
  }
}

/** A handle used after `close()`. Also a `TypeError`, with the message that better-sqlite3 has there. */
export class ClosedDatabaseError extends RefusedAsTypeError {
  constructor(message: string, context: ErrorContext = {}) {
    super('ClosedDatabaseError', message, context);
  }
}

/** The file stands on a filesystem on which SQLite loses data without an error. */
export class UnsafeFilesystemError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('UnsafeFilesystemError', message, context);
  }
}

/** The database has several names: each name would get a journal of its own. */
export class HardLinkedDatabaseError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('HardLinkedDatabaseError', message, context);
  }
}

/** A `-wal` or `-journal` stands there without its database: SQLite would silently delete it. */
export class OrphanedJournalError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('OrphanedJournalError', message, context);
  }
}

/** The SQLite inside better-sqlite3 has a released corruption bug that applies here. */
export class UnsafeSqliteVersionError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('UnsafeSqliteVersionError', message, context);
  }
}

/** A second copy of SQLite in this process has, or would have, the same file. */
export class SqliteCopyConflictError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('SqliteCopyConflictError', message, context);
  }
}

/** `openDatabase` was called again for a file with settings that contradict the first call. */
export class InstanceConflictError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('InstanceConflictError', message, context);
  }
}

/** SQL that would take a protection away. */
export class UnsafeStatementError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('UnsafeStatementError', message, context);
  }
}

/** A protection was set, and SQLite does not answer that it holds. */
export class UnprovedProtectionError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('UnprovedProtectionError', message, context);
  }
}

/** The locks of a live connection are gone: something in this process opened and closed the file. */
export class LocksLostError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('LocksLostError', message, context);
  }
}

/** The database or its sidecar was deleted, renamed or replaced under a live connection. */
export class FileReplacedError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('FileReplacedError', message, context);
  }
}

/** The file is fenced after a fault of the storage; `cause` is the first fault. */
export class FencedDatabaseError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('FencedDatabaseError', message, context);
  }
}

/** Another user controls a file, a folder or a link through which this process would read or write. */
export class UntrustedFileError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('UntrustedFileError', message, context);
  }
}

/** No verified backup stands at the destination. */
export class BackupError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('BackupError', message, context);
  }
}

/** The database was not restored. */
export class RestoreError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('RestoreError', message, context);
  }
}

/** A job of the maintenance worker could not be run: the thread ended, or SQLite did not answer as it must. */
export class MaintenanceError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('MaintenanceError', message, context);
  }
}

/** The write queue is full; the write was not queued. */
export class WriteQueueFullError extends SafeSqliteError {
  constructor(message: string, context: ErrorContext = {}) {
    super('WriteQueueFullError', message, context);
  }
}

brand(SafeSqliteError, 'SafeSqliteError');

/** Every class of refusals, by name. */
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
} as const satisfies Record<RefusalName, new (message: string, context?: ErrorContext) => Error>;

for (const [name, refusal] of Object.entries(refusalClasses)) {
  brand(refusal, name, 'SafeSqliteError');
  nameErrors(refusal, name);
}
