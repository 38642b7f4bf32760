/** Turns an error of better-sqlite3 into the class that says what to do about it. */
import { isProxy } from 'node:util/types';
import { memberOf, textOf } from '../base/foreign-error';
import { NativeSqliteError } from '../native/sqlite-error';
import { lineageOf } from './class-brand';
import { resolveCode } from './result-codes';
import { sqliteErrorClasses, type CommitOutcome } from './sqlite-errors';

/** What the caller knows about the operation that failed. */
export interface FailedOperation {
  /** Path of the database; `null` or empty for one without a file. */
  readonly file?: string | null | undefined;
  /** What was done, in a word or two, for example `'COMMIT'` or `'checkpoint'`. */
  readonly operation?: string | undefined;
  readonly commitOutcome?: CommitOutcome | undefined;
  /** The files of a transaction over several whose outcome is unknown. */
  readonly files?: readonly string[] | undefined;
  /** The text of the statement as it was prepared, never the text with its values in it. */
  readonly sql?: string | undefined;
}

/** Characters of SQL that are kept in `details`: enough to find the statement, little enough for a log line. */
const longestSql = 500;

/**
 * Families whose message does not say what it is about: the file, the operation and the code are added to it.
 *
 * In the other families (SQLITE_ERROR, SQLITE_CONSTRAINT and the like) the message is about the statement, and
 * libraries read names out of it to the end of the line: `UNIQUE constraint failed: users.email`.
 */
const speaksOfTheFile: ReadonlySet<string> = new Set([
  'SQLITE_PERM',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_NOMEM',
  'SQLITE_READONLY',
  'SQLITE_IOERR',
  'SQLITE_CORRUPT',
  'SQLITE_FULL',
  'SQLITE_CANTOPEN',
  'SQLITE_PROTOCOL',
  'SQLITE_NOLFS',
  'SQLITE_NOTADB',
]);

/** An error that SQLite reported: `code` is the name of its result code. */
export interface SqliteFailure extends Error {
  readonly code: string;
}

/**
 * Whether SQLite itself reported `error`, translated by any copy of this package or still as better-sqlite3 made it.
 *
 * @remarks A class that a user derived from `SqliteError` does not count: it is the user's own error.
 */
export function isSqliteFailure(error: unknown): error is SqliteFailure {
  return isTranslated(error) || isNative(error);
}

/**
 * The error to throw instead of `error`: the class for its code, with `error` as its cause.
 *
 * Anything that SQLite did not report is returned as it is (errors of user functions, `TypeError`s), and so is an error
 * that is already translated.
 */
export function translateError(error: unknown, failed: FailedOperation = {}): unknown {
  if (isTranslated(error) || !isNative(error)) return error;
  const resolved = resolveCode(error.code);
  if (resolved === null) return error;
  const { code, primaryCode, row } = resolved;
  const errorClass = sqliteErrorClasses[row.errorClass];
  const message = speaksOfTheFile.has(primaryCode) ? messageWithPlace(error.message, code, failed) : error.message;
  const translated = new errorClass(message, code, {
    details: detailsOf(failed),
    ...(failed.files === undefined ? {} : { hint: readEach }),
    cause: error,
    commitOutcome: failed.commitOutcome,
  });
  // The trace begins at the member that was called, not in here.
  Error.captureStackTrace(translated, translateError);
  return translated;
}

function isTranslated(error: unknown): error is SqliteFailure {
  return lineageOf(error).includes('SqliteResultError');
}

/**
 * By name where the class is another one: Jest loads better-sqlite3's JavaScript once a test file, its addon once.
 * What an application throws may be anything: a proxy, or an object whose getters throw.
 */
function isNative(error: unknown): error is SqliteFailure {
  if (typeof error !== 'object' || error === null || isProxy(error)) return false;
  const prototype: unknown = Object.getPrototypeOf(error);
  if (prototype === NativeSqliteError.prototype) return true;
  const made: unknown = memberOf(prototype, 'constructor');
  return (
    typeof made === 'function' &&
    made.name === 'SqliteError' &&
    textOf(error, 'code') !== null &&
    textOf(error, 'message') !== null
  );
}

const readEach =
  'SQLite commits several files one after the other, unless all have a rollback journal: read what is stored in each of `details.files` before you write again. What must be stored together belongs into one file.';

function messageWithPlace(message: string, code: string, failed: FailedOperation): string {
  const operation = failed.operation === undefined ? '' : ` at ${failed.operation}`;
  const file = failed.file ? ` in ${failed.file}` : '';
  const where = failed.files === undefined ? 'whether' : `in which of ${failed.files.join(', ')}`;
  const outcome = failed.commitOutcome === 'unknown' ? `; it is unknown ${where} the transaction is stored` : '';
  return `${message} (${code}${operation}${file})${outcome}`;
}

function detailsOf(failed: FailedOperation): Record<string, unknown> {
  const details: Record<string, unknown> = {};
  if (failed.file) details['file'] = failed.file;
  if (failed.operation !== undefined) details['operation'] = failed.operation;
  if (failed.files !== undefined) details['files'] = failed.files;
  if (failed.sql !== undefined) details['sql'] = failed.sql.slice(0, longestSql);
  return details;
}
