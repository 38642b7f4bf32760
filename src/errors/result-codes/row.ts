/** Declares a row of the table of SQLite's result codes. */

/** The classes of SQLite's own failures; `sqlite-errors.ts` has one class for each name. */
export type SqliteErrorName =
  | 'SqliteResultError'
  | 'SqliteBusyError'
  | 'SqliteBusySnapshotError'
  | 'SqliteBusyRecoveryError'
  | 'SqliteLockedError'
  | 'SqliteFullError'
  | 'SqliteIoError'
  | 'SqliteFsyncError'
  | 'SqliteReadError'
  | 'SqliteWriteError'
  | 'SqliteSharedMemoryError'
  | 'SqliteFileLockError'
  | 'SqliteCorruptError'
  | 'SqliteNotADatabaseError'
  | 'SqliteCantOpenError'
  | 'SqliteReadonlyError'
  | 'SqliteConstraintError'
  | 'SqliteUniqueError'
  | 'SqliteForeignKeyError'
  | 'SqliteNotNullError'
  | 'SqliteCheckError'
  | 'SqliteProtocolError'
  | 'SqliteSchemaError'
  | 'SqliteAuthError'
  | 'SqliteInterruptError'
  | 'SqliteOutOfMemoryError'
  | 'SqliteTooBigError'
  | 'SqliteMisuseError';

export interface ResultCodeRow {
  /** The number in sqlite3.h; its lowest byte is the primary code. */
  readonly number: number;
  readonly errorClass: SqliteErrorName;
  /** The same call, or the same transaction from its beginning, may succeed later without a change. */
  readonly retryable: boolean;
  /** The connection, or the file in this process, can no longer be trusted. */
  readonly fatal: boolean;
  /** What happened, in one sentence. */
  readonly meaning: string;
  /** What to do about it, for an operator who reads the log at night. */
  readonly hint: string;
}

/** Keeps the row names as a type, without their texts. */
export function rows<Name extends string>(
  table: Readonly<Record<Name, ResultCodeRow>>,
): Readonly<Record<Name, ResultCodeRow>> {
  return table;
}
