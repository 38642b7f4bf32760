/** The one place that imports better-sqlite3 as a value: every other file gets the native classes from here. */
import NativeDatabase from 'better-sqlite3';

export { NativeDatabase };

/** better-sqlite3's own error class, the base of every SQLite failure that this library throws. */
export const NativeSqliteError = NativeDatabase.SqliteError;
