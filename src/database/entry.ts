/** The `Database` constructor as users get it: callable without `new`, with better-sqlite3's `SqliteError` on it. */
import { Statement } from '../connection/statement';
import { NativeSqliteError, type SqliteErrorConstructor } from '../native/sqlite-error';
import type { Options } from '../options/options';
import { callable, enumerableMethods } from './constructor';
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
enumerableMethods(DatabaseClass.prototype);
enumerableMethods(Statement.prototype);

export const Database: DatabaseConstructor = Object.assign(callable(DatabaseClass), { SqliteError: NativeSqliteError });
