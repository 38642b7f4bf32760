/** Types better-sqlite3's own error class without better-sqlite3's types, which users need not have installed. */
import { NativeDatabase } from './better-sqlite3';

/** An error that better-sqlite3 throws for a failure in SQLite. */
export interface SqliteError extends Error {
  /** Extended result code by name, for example `'SQLITE_BUSY_SNAPSHOT'`. */
  readonly code: string;
}

/** With the static members of `Error`, as better-sqlite3 has them. */
export interface SqliteErrorConstructor extends Omit<ErrorConstructor, 'prototype'> {
  new (message: string, code: string): SqliteError;
  readonly prototype: SqliteError;
}

/**
 * Base class of every SQLite failure that this library throws; existing `instanceof SqliteError` checks keep working.
 */
export const NativeSqliteError: SqliteErrorConstructor = NativeDatabase.SqliteError;

/** @alias The same under its public name, which is also the name of its type. */
export const SqliteError: SqliteErrorConstructor = NativeSqliteError;
