/** What a batch can meet in its way, how it is told, and the error of the writes that waited too long for it. */
import { isWriting, type OpenIterator } from '../connection/session';
import { resolveCode } from '../errors/result-codes';
import { sqliteErrorClasses, type SqliteBusyError, type SqliteResultError } from '../errors/sqlite-errors';
import type { WriteConnection } from './write-connection';

/** `'connection'`: another one has the lock. The others: the application keeps this one occupied across awaits. */
export interface BlockedBy {
  readonly kind: 'connection' | 'transaction' | 'iterator';
  /** Of the open iterator. */
  readonly sql: string | null;
  /** When the iterator was opened, in milliseconds of the monotonic clock. */
  readonly openedAt: number | null;
  /** What SQLite said. */
  readonly error: SqliteBusyError | null;
}

/** The connection is in the middle of something that is not an iterator. */
export const occupied: BlockedBy = { kind: 'transaction', sql: null, openedAt: null, error: null };

/** What stands in the way before SQLite is asked. */
export function ownObstacle(host: WriteConnection): BlockedBy | null {
  if (host.native.inTransaction) return occupied;
  // In unsafe mode better-sqlite3 would begin, and what the iterator has written be rolled back with the batch.
  for (const iterator of host.openIterators()) if (isWriting(iterator)) return iteratorInWay(iterator);
  return null;
}

/** After better-sqlite3 refused to write: it does not while an iterator is open. */
export function iteratorObstacle(host: WriteConnection): BlockedBy | null {
  for (const iterator of host.openIterators()) return iteratorInWay(iterator);
  return null;
}

function iteratorInWay({ statement, openedAt }: OpenIterator): BlockedBy {
  return { kind: 'iterator', sql: statement.source, openedAt, error: null };
}

/** After SQLite answered BUSY. */
export function lockObstacle(error: SqliteBusyError): BlockedBy {
  return { kind: 'connection', sql: null, openedAt: null, error };
}

export interface Waited {
  /** Tries that were made for this write. */
  readonly attempts: number;
  readonly waitedMs: number;
}

/** The end of the patience of one write. */
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
  'This connection is in its own way: do not keep a transaction or an iterator open across an await; use db.write() or db.transaction(), and read with all().';
