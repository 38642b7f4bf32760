/** Builds the errors of `db.reader`: each names the database and the shape of the SQL, never a value. */
import {
  ClosedDatabaseError,
  QueryTimeoutError,
  ReaderError,
  ReadQueueFullError,
  ResultTooLargeError,
  UnsafeStatementError,
} from '../errors/refusals';
import { deserializeRefusal } from '../maintenance/serialized-error';
import { NativeSqliteError } from '../native/sqlite-error';
import type { ReadFailure } from './messages';
import type { ReaderExit } from './reader';
import { outOfMemorySignal } from './reader-process';

/** The subject of a call. */
export interface ReadSubject {
  /** Path of the database, or better-sqlite3's name of a database without a file. */
  readonly file: string;
  /** Shape of the SQL; `null` for a snapshot between two queries. */
  readonly sql: string | null;
}

export function timeoutError(
  { file, sql }: ReadSubject,
  timeoutMs: number,
  phase: 'queued' | 'running',
  readers: string,
): QueryTimeoutError {
  const what = sql === null ? 'A snapshot' : 'A query';
  return phase === 'running'
    ? new QueryTimeoutError(`${what} of ${file} did not end within ${timeoutMs} ms; its reader was terminated.`, {
        details: { file, sql, timeoutMs, phase },
      })
    : new QueryTimeoutError(`${what} of ${file} waited ${timeoutMs} ms for a reader and did not run: ${readers}.`, {
        hint: 'Raise `readers.max`, shorten the running queries (`db.health().readers.running`), or raise `timeoutMs`.',
        details: { file, sql, timeoutMs, phase },
      });
}

export function queueFullError(file: string, queued: number, maxQueued: number): ReadQueueFullError {
  return new ReadQueueFullError(`${queued} reads are already waiting for ${file}; this one did not run.`, {
    details: { file, queued, maxQueued },
  });
}

export function closedError(file: string): ClosedDatabaseError {
  return new ClosedDatabaseError('The database connection is not open', {
    hint: `${file} was closed before this read was over.`,
    details: { file },
  });
}

export function lostError(
  { file, sql }: ReadSubject,
  pid: number | null,
  exit: ReaderExit,
  memoryBytes: number,
): ReaderError | ResultTooLargeError {
  const { exitCode, signal, cause } = exit;
  if (signal === outOfMemorySignal) {
    return new ResultTooLargeError(
      `A query of ${file} needed more memory than \`readers.memoryBytes\` (${memoryBytes}) allows; its reader has ended.`,
      {
        hint: 'Read less at a time (smaller values, fewer rows to sort or group in memory), or raise `readers.memoryBytes`.',
        details: { file, sql, limit: 'memoryBytes', value: memoryBytes, pid },
      },
    );
  }
  const details = { file, sql, pid, exitCode, signal };
  if (pid === null && cause !== null) {
    return new ReaderError(`No reader process for ${file} could be started.`, { cause, details });
  }
  const how = signal === null ? `with code ${exitCode}` : `by ${signal}`;
  return new ReaderError(`The reader process ${pid} of ${file} ended ${how} in the middle of its work.`, {
    hint:
      'It ran out of memory (`readers.memoryBytes`; dmesg names a process that the system killed), or an extension ' +
      'or a function of `readers.setup` ended it. The next query starts a new one.',
    details,
  });
}

/**
 * Builds the error of a reader's failure. Failures of SQLite keep better-sqlite3's own class: the connection translates
 * them, and counts those that concern the storage.
 */
export function errorOf(failure: ReadFailure, { file, sql }: ReadSubject): Error {
  const details = { file, sql };
  switch (failure.family) {
    case 'sqlite':
      return new NativeSqliteError(failure.message, failure.code);
    case 'argument':
      return failure.name === 'TypeError' ? new TypeError(failure.message) : new RangeError(failure.message);
    case 'refusal':
      return deserializeRefusal(failure);
    case 'refused':
      return new UnsafeStatementError(`The statement ${failure.why}: db.reader only reads ${file}.`, {
        hint: 'Run it on the database itself: with `db.write()`, `db.exec()` or a statement of `db.prepare()`.',
        details,
      });
    case 'too-large':
      return new ResultTooLargeError(
        `The result of a query of ${file} is larger than \`${failure.limit}\` (${failure.value}) allows.`,
        { details: { ...details, limit: failure.limit, value: failure.value } },
      );
    case 'setup':
      return new ReaderError(`The module of \`readers.setup\`, ${failure.module}, failed: ${failure.message}`, {
        hint: 'It must exist and export a function (`default` or `setup`) that takes the connection of a reader.',
        details: { ...details, setup: failure.module },
      });
    case 'other': {
      const error = new Error(failure.message);
      if (failure.name !== 'Error') error.name = failure.name;
      return failure.code === null ? error : Object.assign(error, { code: failure.code });
    }
  }
}

/** Names the application's functions that the SQL calls and a reader lacks. */
export function withSetupHint(error: unknown, functions: readonly string[]): unknown {
  if (functions.length === 0 || typeof error !== 'object' || error === null) return error;
  const names = functions.map(name => `\`${name}\``).join(', ');
  const hint =
    `${names} ${functions.length === 1 ? 'is' : 'are'} registered on this connection only: readers have functions ` +
    'from the module that the option `readers.setup` names.';
  return Object.defineProperty(error, 'hint', { value: hint, enumerable: true, configurable: true, writable: true });
}
