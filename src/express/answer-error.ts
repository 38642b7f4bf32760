/** Decides the HTTP answer for an error of the database, by its `code` and never by its text. Pure. */
import { errorCode, memberOf, textOf } from '../base/foreign-error';
import { refusalCodes } from '../errors/refusal-codes';
import { resolveCode } from '../errors/result-codes';
import type { HttpAnswer } from './http';

export interface ErrorAnswerOptions {
  /** Seconds in `Retry-After` of answers that ask the client to come back. Default 1, the minimum of the header. */
  readonly retryAfterSeconds?: number;
}

interface Row {
  readonly status: number;
  /** For the client: no SQL, no values, no names of tables, columns or files. */
  readonly message: string;
  /** The same request may succeed soon without a change. */
  readonly comeBack: boolean;
}

const busy: Row = { status: 503, message: 'The database is busy.', comeBack: true };
const full: Row = { status: 507, message: 'The database has no space left.', comeBack: false };
const conflict: Row = { status: 409, message: 'A record with this key exists already.', comeBack: false };
const related: Row = {
  status: 409,
  message: 'A record that this one needs, or that needs it, is in the way.',
  comeBack: false,
};
const invalid: Row = { status: 400, message: 'The data breaks a rule of the database.', comeBack: false };
const tooBig: Row = { status: 413, message: 'A value is too large for the database.', comeBack: false };
const outOfService: Row = { status: 503, message: 'The database is out of service.', comeBack: false };
/** A client must read before it repeats the request. */
const unsettled: Row = { status: 500, message: 'The change may or may not be stored.', comeBack: false };

/** The answers that the labels of the error do not give. */
const rows: ReadonlyMap<string, Row> = new Map([
  ['SAFE_SQLITE_WRITE_QUEUE_FULL', { status: 503, message: 'Too many writes are waiting.', comeBack: true }],
  ['SAFE_SQLITE_READ_QUEUE_FULL', { status: 503, message: 'Too many reads are waiting.', comeBack: true }],
  ['SAFE_SQLITE_READER_FAILED', { status: 503, message: 'The query was interrupted.', comeBack: true }],
  // The same query would take as long again.
  ['SAFE_SQLITE_QUERY_TIMEOUT', { status: 503, message: 'The query took too long.', comeBack: false }],
  ['SAFE_SQLITE_CLOSED', { status: 503, message: 'The database is closed.', comeBack: false }],
  // RFC 4918 section 11.5: the server cannot store what is needed to complete the request.
  ['SQLITE_FULL', full],
  ['SQLITE_TOOBIG', tooBig],
  ['SQLITE_CONSTRAINT_UNIQUE', conflict],
  ['SQLITE_CONSTRAINT_PRIMARYKEY', conflict],
  ['SQLITE_CONSTRAINT_ROWID', conflict],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', related],
]);

interface Labels {
  readonly retryable: boolean;
  readonly fatal: boolean;
}

const refusals: ReadonlyMap<string, Labels> = new Map(Object.values(refusalCodes).map(row => [row.code, row]));

/** The first rule that fits, as in the table of docs/errors.md; null for what is a bug in the program or its settings. */
function rowFor(error: object, code: string): Row | null {
  const sqlite = resolveCode(code);
  if (sqlite !== null && textOf(error, 'commitOutcome') === 'unknown') return unsettled;
  const exact = rows.get(code);
  if (exact !== undefined) return exact;
  // A quota says SQLITE_IOERR_WRITE, and so does a disk whose last block another program took.
  if (noRoom.has(textOf(memberOf(error, 'details'), 'obstacle') ?? '')) return full;
  if (sqlite?.primaryCode === 'SQLITE_CONSTRAINT') return invalid;
  const labels = sqlite?.row ?? refusals.get(code);
  if (labels === undefined) return null;
  if (labelOf(error, 'retryable', labels)) return busy;
  return labelOf(error, 'fatal', labels) ? outOfService : null;
}

const noRoom: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** An error of this library may say otherwise than its code does; one of better-sqlite3 has no labels. */
function labelOf(error: object, name: keyof Labels, labels: Labels): boolean {
  const own = memberOf(error, name);
  return typeof own === 'boolean' ? own : labels[name];
}

/**
 * Returns the answer for an error of the database; null for every other error, which is left to the application.
 *
 * The error counts by its `code`, so an error of better-sqlite3 itself, or one that an ORM wrapped (`cause`,
 * `driverError`), is found too. An error with a `status` or `statusCode` already has its answer.
 */
export function answerForError(error: unknown, options: ErrorAnswerOptions = {}): HttpAnswer | null {
  const found = firstKnown(error);
  if (found === null) return null;
  const { code, row, commitOutcome } = found;
  return {
    status: row.status,
    headers: {
      'cache-control': 'no-store',
      ...(row.comeBack ? { 'retry-after': String(options.retryAfterSeconds ?? 1) } : {}),
    },
    body: {
      error: code,
      message: row.message,
      retryable: row.comeBack,
      ...(commitOutcome === null ? {} : { commitOutcome }),
    },
  };
}

interface Found {
  readonly code: string;
  readonly row: Row;
  readonly commitOutcome: string | null;
}

// ORMs wrap once or twice; the bound ends circular chains.
const deepestCause = 5;

function firstKnown(error: unknown): Found | null {
  let candidate = error;
  for (let depth = 0; depth <= deepestCause && isObject(candidate); depth += 1) {
    if (answersItself(candidate)) return null;
    const code = errorCode(candidate);
    const row = code === null ? null : rowFor(candidate, code);
    if (code !== null && row !== null) {
      return { code, row, commitOutcome: textOf(candidate, 'commitOutcome') };
    }
    candidate = Reflect.get(candidate, 'cause') ?? Reflect.get(candidate, 'driverError');
  }
  return null;
}

/** The convention of `http-errors`, which Express, Koa and Fastify follow. */
function answersItself(error: object): boolean {
  return typeof Reflect.get(error, 'status') === 'number' || typeof Reflect.get(error, 'statusCode') === 'number';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
