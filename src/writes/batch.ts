/** Runs one batch: several writes in one IMMEDIATE transaction, each in its own savepoint, and one COMMIT for all. */
import { performance } from '../base/clock';
import { OwnedTransaction, type Loss } from '../connection/owned-transaction';
import { UnsafeStatementError } from '../errors/refusals';
import { SqliteBusyError, SqliteConstraintError, SqliteResultError } from '../errors/sqlite-errors';
import { blameLostTransaction } from '../policy/lost-transaction';
import type { WriteConnection } from './write-connection';
import { closeAllIterators, failedWithIterator, runAlone, runMember } from './savepoint';
import type { QueuedWrite } from './queued-write';

/** The result of a batch. Only `committed` stored anything; for `failed` the error tells what is known. */
export type BatchEnd =
  | { readonly end: 'committed'; readonly writes: readonly QueuedWrite[]; readonly commitMs: number }
  /** Another connection holds the lock; the started writes are rolled back and must start again. */
  | { readonly end: 'busy'; readonly writes: readonly QueuedWrite[]; readonly error: SqliteBusyError }
  /** The last of `writes` failed and everything was rolled back with it; the others can run again without it. */
  | { readonly end: 'thrown-out'; readonly writes: readonly QueuedWrite[] }
  /** COMMIT rejected the changes of one of several writes, and it is unknown which: smaller batches find out. */
  | { readonly end: 'split'; readonly writes: readonly QueuedWrite[] }
  | { readonly end: 'failed'; readonly writes: readonly QueuedWrite[]; readonly error: unknown };

export interface BatchPlan {
  /** Takes the next write out of the queue, for a batch that already has `taken`; undefined if it is full. */
  next(taken: number): QueuedWrite | undefined;
  /** There will be one write: it needs no savepoint, because its rollback affects no other write. */
  readonly alone: boolean;
  /** How long SQLite itself may wait for a lock, blocking the event loop, in milliseconds. */
  readonly busyTimeoutMs: number;
}

/**
 * How long a COMMIT that met readers waits in place, in milliseconds. With a rollback journal COMMIT needs all readers
 * to finish, and while it waits no new one can start (https://sqlite.org/lockingv3.html section 5.1), so a short wait
 * often helps; but it blocks the event loop. A longer wait takes place between the batches, after a ROLLBACK: a
 * transaction left open would include whatever else the application does on the connection.
 */
const commitWaitMs = 10;

/** Runs one batch to its end; no transaction is open afterwards. */
export function runBatch(host: WriteConnection, plan: BatchPlan): BatchEnd {
  const writes: QueuedWrite[] = [];
  const transaction = new OwnedTransaction(host, 'db.write()');
  const run = plan.alone ? runAlone : runMember;
  try {
    host.busyTimeout.begin(plan.busyTimeoutMs);
    host.execute('BEGIN IMMEDIATE');
    let write = plan.next(0);
    while (write !== undefined) {
      writes.push(write);
      run(host, transaction, write);
      if (transaction.loss !== null) return afterLoss(host, writes, transaction.loss);
      // SQLite keeps some pragmas until the transaction ends (defer_foreign_keys): no other write may see them.
      if (plan.alone || transaction.pragmaSet) break;
      write = plan.next(writes.length);
    }
    if (plan.alone && write?.failed === true) return { end: 'thrown-out', writes };
    const start = performance.now();
    commit(host, plan.busyTimeoutMs);
    return { end: 'committed', writes, commitMs: performance.now() - start };
  } catch (error) {
    const [only] = writes;
    const left = plan.alone && only !== undefined && failedWithIterator(host, only, error);
    rollBack(host, error);
    if (left) return { end: 'thrown-out', writes };
    const stolen = writes.length > 0 && isPlainError(error);
    return stolen ? { end: 'failed', writes, error: stolenError(host, error) } : afterFailure(writes, error);
  } finally {
    host.busyTimeout.end();
  }
}

function commit(host: WriteConnection, waitMs: number): void {
  // Again: a function of the batch may have changed the wait with PRAGMA busy_timeout.
  host.busyTimeout.begin(waitMs);
  try {
    host.execute('COMMIT');
  } catch (error) {
    const waits = waitMs < commitWaitMs && error instanceof SqliteBusyError && host.native.inTransaction;
    if (!waits) throw error;
    commit(host, commitWaitMs);
  }
}

/** SQLite rolled the whole transaction back within the last write. */
function afterLoss(host: WriteConnection, writes: readonly QueuedWrite[], { error, code }: Loss): BatchEnd {
  host.markRolledBackByFailure(error);
  return blameLostTransaction(code).on === 'write' ? { end: 'thrown-out', writes } : { end: 'failed', writes, error };
}

function afterFailure(writes: readonly QueuedWrite[], error: unknown): BatchEnd {
  if (error instanceof SqliteBusyError) return { end: 'busy', writes, error };
  // A deferred foreign key is checked only at COMMIT: https://sqlite.org/foreignkeys.html section 4.2
  if (error instanceof SqliteConstraintError && writes.length > 1) return { end: 'split', writes };
  return { end: 'failed', writes, error };
}

/** After many failures SQLite has already rolled back; an error of the ROLLBACK itself changes nothing then. */
function rollBack(host: WriteConnection, error: unknown): void {
  if (!host.native.inTransaction) return;
  try {
    closeAllIterators(host);
    host.execute('ROLLBACK');
    host.markRolledBackByFailure(error);
  } catch {
    // `execute` has reported it; the writes get the first failure.
  }
}

/** A savepoint or transaction unknown to SQLite is not a storage failure: the application ended it. */
function isPlainError(error: unknown): boolean {
  return error instanceof SqliteResultError && error.code === 'SQLITE_ERROR';
}

function stolenError(host: WriteConnection, cause: unknown): UnsafeStatementError {
  return new UnsafeStatementError(
    `A function of db.write() ended the transaction of its batch on ${host.file}; whether it was committed is unknown.`,
    {
      hint: 'Read what is stored before you write again, and find the function that commits, rolls back, or releases a savepoint that is not its own.',
      details: { file: host.file, commitOutcome: 'unknown' },
      cause,
    },
  );
}
