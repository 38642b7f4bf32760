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
import { refusedReads } from './refused-reads';
import type { WaitReason } from './why-queued';

/** The subject of a call. */
export interface ReadSubject {
  /** Path of the database, or better-sqlite3's name of a database without a file. */
  readonly file: string;
  /** Shape of the SQL; `null` for a snapshot between two queries. */
  readonly sql: string | null;
}

/** Returns the database for a sentence: a temporary one has no name. */
export function nameOfDatabase(file: string): string {
  return file === '' ? 'the temporary database' : file;
}

/** A call that waited for its turn until its limit. */
export function queuedTimeoutError(
  { file, sql }: ReadSubject,
  timeoutMs: number,
  { why, hint }: WaitReason,
): QueryTimeoutError {
  return new QueryTimeoutError(
    `${callOf(sql)} of ${nameOfDatabase(file)} waited ${timeoutMs} ms for a reader and did not run: ${why}.`,
    { hint, details: { file, sql, timeoutMs, phase: 'queued' } },
  );
}

/** A call that met its limit while a reader worked for it; `unread`: rows of it wait for the loop of `iterate`. */
export function runningTimeoutError(
  { file, sql }: ReadSubject,
  timeoutMs: number,
  { inThread, unread }: { readonly inThread: boolean; readonly unread: boolean },
): QueryTimeoutError {
  const end = inThread ? 'it was ended between two of its steps' : 'its reader was terminated';
  const hint =
    sql === null
      ? 'Do less inside of the snapshot, which pins the WAL meanwhile, or raise its `timeoutMs`.'
      : 'The loop over `iterate()` had not taken the rows that wait for it: do less for each row, or raise `timeoutMs`.';
  return new QueryTimeoutError(
    `${callOf(sql)} of ${nameOfDatabase(file)} did not end within ${timeoutMs} ms; ${end}.`,
    { ...(sql === null || unread ? { hint } : {}), details: { file, sql, timeoutMs, phase: 'running' } },
  );
}

function callOf(sql: string | null): string {
  return sql === null ? 'A snapshot' : 'A query';
}

export function queueFullError(file: string, queued: number, maxQueued: number): ReadQueueFullError {
  return new ReadQueueFullError(
    `${queued} reads are already waiting for ${nameOfDatabase(file)}; this one did not run.`,
    {
      details: { file, queued, maxQueued },
    },
  );
}

export function closedError(file: string): ClosedDatabaseError {
  return new ClosedDatabaseError('The database connection is not open', {
    hint: `${file === '' ? 'The temporary database' : file} was closed before this read was over.`,
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
      `A query of ${nameOfDatabase(file)} needed more memory than \`readers.memoryBytes\` (${memoryBytes}) allows; its reader has ended.`,
      {
        hint: 'Read less at a time (smaller values, fewer rows to sort or group in memory), or raise `readers.memoryBytes`.',
        details: { file, sql, limit: 'memoryBytes', value: memoryBytes, pid },
      },
    );
  }
  const details = { file, sql, pid, exitCode, signal };
  if (pid === null && cause !== null) {
    return new ReaderError(`No reader process for ${nameOfDatabase(file)} could be started.`, { cause, details });
  }
  const how = signal === null ? `with code ${exitCode}` : `by ${signal}`;
  return new ReaderError(
    `The reader process ${pid} of ${nameOfDatabase(file)} ended ${how} in the middle of its work.`,
    {
      hint:
        'It ran out of memory (`readers.memoryBytes`; dmesg names a process that the system killed), or an extension ' +
        'or a function of `readers.setup` ended it. The next query starts a new one.',
      details,
    },
  );
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
      return new UnsafeStatementError(
        `The statement ${refusedReads[failure.why].why}: db.reader only reads ${nameOfDatabase(file)}.`,
        { hint: refusedReads[failure.why].hint, details },
      );
    case 'too-large':
      return new ResultTooLargeError(
        `The result of a query of ${nameOfDatabase(file)} is larger than \`${failure.limit}\` (${failure.value}) allows.`,
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
