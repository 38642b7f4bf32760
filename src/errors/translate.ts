/** Translates an error of better-sqlite3 into the class that tells the caller what to do about it. */
import { isProxy } from 'node:util/types';
import { memberOf, textOf } from '../base/foreign-error';
import { beginAtCaller, captureAt, captureAtCaller, type Entry } from '../base/own-frames';
import { NativeSqliteError } from '../native/sqlite-error';
import { lineageOf } from './class-brand';
import { resolveCode } from './result-codes';
import { sqliteErrorClasses, type CommitOutcome } from './sqlite-errors';

/** The caller's description of the operation that failed. */
export interface FailedOperation {
  /** Path of the database; `null` or empty for a database without a file. */
  readonly file?: string | null | undefined;
  /** The operation, in a word or two, for example `'COMMIT'` or `'checkpoint'`. */
  readonly operation?: string | undefined;
  readonly commitOutcome?: CommitOutcome | undefined;
  /** The files of a multi-file transaction with an unknown outcome. */
  readonly files?: readonly string[] | undefined;
  /** Better advice than that of the code, where the system has said more. */
  readonly hint?: string | undefined;
  /** The SQL text as prepared, never with its values. */
  readonly sql?: string | undefined;
  /** The public member that runs, where the caller knows it. */
  readonly entry?: Entry | undefined;
}

/** Characters of SQL that are kept in `details`: enough to find the statement, little enough for a log line. */
const longestSql = 500;

/**
 * Families whose message does not name its subject: the file, the operation and the code are appended to it.
 *
 * In the other families (SQLITE_ERROR, SQLITE_CONSTRAINT and the like) the message is about the statement, and
 * libraries parse names out of it up to the end of the line: `UNIQUE constraint failed: users.email`.
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

/** An error that SQLite reported, with the name of its result code in `code`. */
export interface SqliteFailure extends Error {
  readonly code: string;
}

/**
 * True if SQLite itself reported `error`, translated by any copy of this package or untranslated.
 *
 * @remarks A class that a user derived from `SqliteError` does not count: it is the user's own error.
 */
export function isSqliteFailure(error: unknown): error is SqliteFailure {
  return isTranslated(error) || isNative(error);
}

/**
 * True if SQLite reported that it cannot run the statement: for example a function or a collation of the schema is missing, and
 * the latter has a code of its own (SQLITE_ERROR_MISSING_COLLSEQ).
 */
export function isStatementFailure(error: unknown): error is SqliteFailure {
  return isSqliteFailure(error) && resolveCode(error.code)?.primaryCode === 'SQLITE_ERROR';
}

/**
 * Returns the error to throw instead of `error`: the class for its code, with `error` as its cause.
 *
 * Anything that SQLite did not report is returned unchanged (errors of user functions, `TypeError`s), and so is a
 * translated error.
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
    ...hintOf(failed),
    cause: error,
    commitOutcome: failed.commitOutcome,
  });
  // The stack begins at the caller of the member, not in this function.
  if (failed.entry === undefined) {
    captureAtCaller(translated);
    beginAtCaller(error);
  } else {
    captureAt(translated, failed.entry);
    captureAt(error, failed.entry);
  }
  return translated;
}

function isTranslated(error: unknown): error is SqliteFailure {
  return lineageOf(error).includes('SqliteResultError');
}

/**
 * By name if the class is another one: Jest loads better-sqlite3's JavaScript once per test file, its addon once. An
 * application may throw anything: a proxy, or an object whose getters throw.
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

function hintOf({ files, hint }: FailedOperation): { hint?: string } {
  if (files !== undefined) return { hint: readEach };
  return hint === undefined ? {} : { hint };
}

const readEach =
  'SQLite commits several files one after the other, unless all have a rollback journal: read what is stored in each of `details.files` before you write again. Data that must be stored together belongs in one file.';

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
