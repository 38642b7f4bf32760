/** Describes what can block a batch, reports it, and builds the error of writes that waited too long. */
import { isWriting, type OpenIterator } from '../connection/session';
import { resolveCode } from '../errors/result-codes';
import { sqliteErrorClasses, type SqliteBusyError, type SqliteResultError } from '../errors/sqlite-errors';
import type { WriteConnection } from './write-connection';

/**
 * `'connection'`: another one holds the lock. The others: the application keeps this connection occupied across awaits.
 */
export interface BlockedBy {
  readonly kind: 'connection' | 'transaction' | 'iterator';
  /** Of the open iterator. */
  readonly sql: string | null;
  /** Milliseconds of the monotonic clock at which the iterator was opened. */
  readonly openedAt: number | null;
  /** SQLite's error. */
  readonly error: SqliteBusyError | null;
}

/** The connection is occupied by something other than an iterator. */
export const occupied: BlockedBy = { kind: 'transaction', sql: null, openedAt: null, error: null };

/** Returns an obstacle that is known before SQLite is asked. */
export function ownObstacle(host: WriteConnection): BlockedBy | null {
  if (host.native.inTransaction) return occupied;
  // In unsafe mode better-sqlite3 would begin, and the rollback of the batch would undo the iterator's writes.
  for (const iterator of host.openIterators()) if (isWriting(iterator)) return iteratorInWay(iterator);
  return null;
}

/** After better-sqlite3 refused to write, as it does while an iterator is open. */
export function iteratorObstacle(host: WriteConnection): BlockedBy | null {
  for (const iterator of host.openIterators()) return iteratorInWay(iterator);
  return null;
}

function iteratorInWay({ statement, openedAt }: OpenIterator): BlockedBy {
  return { kind: 'iterator', sql: statement.source, openedAt, error: null };
}

/** After SQLite returned BUSY. */
export function lockObstacle(error: SqliteBusyError): BlockedBy {
  return { kind: 'connection', sql: null, openedAt: null, error };
}

export interface Waited {
  /** Attempts made for this write. */
  readonly attempts: number;
  readonly waitedMs: number;
}

/** Builds the error of a write whose retry budget is used up. */
export function gaveUp(file: string, obstacle: BlockedBy, { attempts, waitedMs }: Waited): SqliteResultError {
  const { kind, sql, error } = obstacle;
  const code = error?.code ?? 'SQLITE_BUSY';
  const ErrorClass = sqliteErrorClasses[resolveCode(code)?.row.errorClass ?? 'SqliteBusyError'];
  const tried = `${attempts} ${attempts === 1 ? 'try' : 'tries'} in ${Math.round(waitedMs)} ms`;
  return new ErrorClass(`${holders[kind]} kept db.write() from writing to ${file}: ${tried} (${code}).`, code, {
    ...(kind === 'connection' ? {} : { hint: ownHint }),
    details: { file, operation: 'write', attempts, waitedMs, heldBy: kind, ...(sql === null ? {} : { sql }) },
    cause: error ?? undefined,
    commitOutcome: error?.commitOutcome,
  });
}

const holders = {
  connection: 'Another connection',
  transaction: 'A transaction that is open on this connection',
  iterator: 'An iterator that is open on this connection',
} as const;

const ownHint =
  'This connection blocks itself: do not keep a transaction or an iterator open across an await; use db.write() or db.transaction(), and read with all().';
