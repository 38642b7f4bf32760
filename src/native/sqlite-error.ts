/** better-sqlite3's own error class, typed without better-sqlite3's types: users need not have those. */
import { NativeDatabase } from './better-sqlite3';

/** What better-sqlite3 throws for a failure of SQLite. */
export interface SqliteError extends Error {
  /** Extended name of the result code, for example `'SQLITE_BUSY_SNAPSHOT'`. */
  readonly code: string;
}

export interface SqliteErrorConstructor {
  new (message: string, code: string): SqliteError;
  readonly prototype: SqliteError;
}

/** The base of every SQLite failure that this library throws: old `instanceof SqliteError` checks go on working. */
export const NativeSqliteError: SqliteErrorConstructor = NativeDatabase.SqliteError;

/** @alias The same under its public name, which is also the name of its type. */
export const SqliteError: SqliteErrorConstructor = NativeSqliteError;
