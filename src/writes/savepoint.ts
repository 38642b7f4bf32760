/**
 * Runs one write inside the transaction of its batch: a savepoint around the function, and a check for what it leaves
 * behind.
 */
import type { OwnedTransaction } from '../connection/owned-transaction';
import { isWriting, type OpenIterator } from '../connection/session';
import { SqliteBusyError } from '../errors/sqlite-errors';
import type { WriteConnection } from './write-connection';
import type { QueuedWrite } from './queued-write';

/** The tab distinguishes it from names that people write, and from the savepoint of `db.transaction`. */
const savepoint = '"\tsafe-sqlite write\t"';
const begin = `SAVEPOINT ${savepoint}`;
const release = `RELEASE ${savepoint}`;
const undo = `ROLLBACK TO ${savepoint}`;

/**
 * Runs the function of `write` in a savepoint; its error is kept in the write.
 *
 * @throws the failure of a savepoint statement: then the whole batch cannot be committed
 */
export function runMember(host: WriteConnection, transaction: OwnedTransaction, write: QueuedWrite): void {
  host.execute(begin);
  runFunction(host, transaction, write);
  if (transaction.loss === null) withoutIterators(host, write, () => leaveSavepoint(host, write));
}

/**
 * Like `runMember`, for a write that has the transaction to itself: it needs no savepoint, and a failure rolls
 * everything back.
 */
export function runAlone(host: WriteConnection, transaction: OwnedTransaction, write: QueuedWrite): void {
  runFunction(host, transaction, write);
  if (transaction.loss !== null || !write.failed) return;
  // In unsafe mode ROLLBACK leaves it open, and every later COMMIT would be refused.
  closeIterators(host, isWriting);
  withoutIterators(host, write, () => host.execute('ROLLBACK'));
}

function runFunction(host: WriteConnection, transaction: OwnedTransaction, write: QueuedWrite): void {
  transaction.while(() => write.run());
  if (transaction.loss === null) return;
  closeIterators(host, isAny);
  // A function that caught the failure and returned is not stored either.
  if (!write.failed) write.fail(transaction.loss.error);
}

/**
 * Takes a step that better-sqlite3, or in unsafe mode SQLite, refuses while an iterator is open, because the function
 * has left one behind. The iterator is closed, the write fails, and the step is repeated.
 */
function withoutIterators(host: WriteConnection, write: QueuedWrite, step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!failedWithIterator(host, write, error)) throw error;
    step();
  }
}

/**
 * True if `error` comes from an iterator that the function has left open; the iterator is closed then, and the write
 * fails.
 */
export function failedWithIterator(host: WriteConnection, write: QueuedWrite, error: unknown): boolean {
  const left = error instanceof TypeError ? isAny : error instanceof SqliteBusyError ? isWriting : null;
  const sql = left === null ? null : closeIterators(host, left);
  if (sql === null) return false;
  if (!write.failed) write.fail(new TypeError(`Write function cannot leave an iterator open (${sql})`));
  return true;
}

function leaveSavepoint(host: WriteConnection, write: QueuedWrite): void {
  if (write.failed) host.execute(undo);
  host.execute(release);
}

const isAny = (): boolean => true;

/** Before a ROLLBACK, which better-sqlite3 refuses while an iterator is open. */
export function closeAllIterators(host: WriteConnection): void {
  closeIterators(host, isAny);
}

/** Closes the iterators selected by `which`; returns the SQL of the first, null if there was none. */
function closeIterators(host: WriteConnection, which: (iterator: OpenIterator) => boolean): string | null {
  let first: string | null = null;
  for (const iterator of host.openIterators()) {
    if (!which(iterator)) continue;
    first ??= iterator.statement.source;
    iterator.return();
  }
  return first;
}
