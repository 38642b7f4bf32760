/** The `Database` constructor as users get it: callable without `new`, with better-sqlite3's `SqliteError` on it. */
import { NativeSqliteError, type SqliteErrorConstructor } from '../native/sqlite-error';
import type { Options } from '../options/options';
import { callable } from './constructor';
import { Database as DatabaseClass } from './database';

export type Database = DatabaseClass;

export interface DatabaseConstructor {
  new (filename?: string | Buffer, options?: Options): Database;
  (filename?: string | Buffer, options?: Options): Database;
  readonly prototype: Database;
  /** better-sqlite3's error class: the base of every SQLite failure. */
  readonly SqliteError: SqliteErrorConstructor;
}

/** Opens a connection of its own, with or without `new`, as better-sqlite3 does. */
export const Database: DatabaseConstructor = Object.assign(callable(DatabaseClass), { SqliteError: NativeSqliteError });
