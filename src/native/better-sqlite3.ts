/** The one place that imports better-sqlite3 as a value: every other file gets the native class from here. */
import NativeDatabase from 'better-sqlite3';

export { NativeDatabase };
