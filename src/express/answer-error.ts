/** Decides the HTTP answer for an error of the database, by its `code` and never by its text. Pure. */
import { errorCode, textOf } from '../base/foreign-error';
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
const fenced: Row = { status: 503, message: 'The database is out of service.', comeBack: false };

const rows: ReadonlyMap<string, Row> = new Map([
  ['SQLITE_BUSY', busy],
  ['SQLITE_BUSY_RECOVERY', busy],
  ['SQLITE_BUSY_SNAPSHOT', busy],
  ['SQLITE_BUSY_TIMEOUT', busy],
  ['SAFE_SQLITE_WRITE_QUEUE_FULL', { status: 503, message: 'Too many writes are waiting.', comeBack: true }],
  ['SAFE_SQLITE_READ_QUEUE_FULL', { status: 503, message: 'Too many reads are waiting.', comeBack: true }],
  ['SAFE_SQLITE_READER_FAILED', { status: 503, message: 'The query was interrupted.', comeBack: true }],
  // The same query would take as long again.
  ['SAFE_SQLITE_QUERY_TIMEOUT', { status: 503, message: 'The query took too long.', comeBack: false }],
  // RFC 4918 section 11.5: the server cannot store what is needed to complete the request.
  ['SQLITE_FULL', full],
  ['SQLITE_CONSTRAINT_UNIQUE', conflict],
  ['SQLITE_CONSTRAINT_PRIMARYKEY', conflict],
  ['SQLITE_CONSTRAINT_ROWID', conflict],
  ['SAFE_SQLITE_FENCED', fenced],
  ['SAFE_SQLITE_LOCKS_LOST', fenced],
  ['SAFE_SQLITE_FILE_REPLACED', fenced],
]);

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
  const unknown = commitOutcome === 'unknown';
  const comeBack = row.comeBack && !unknown;
  return {
    status: row.status,
    headers: {
      'cache-control': 'no-store',
      ...(comeBack ? { 'retry-after': String(options.retryAfterSeconds ?? 1) } : {}),
    },
    body: {
      error: code,
      message: unknown ? `${row.message} The change may or may not be stored.` : row.message,
      retryable: comeBack,
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
    const row = code === null ? undefined : rows.get(code);
    if (code !== null && row !== undefined) {
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
