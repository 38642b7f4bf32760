/** One write inside the transaction of its batch: a savepoint around the function, and what it must not leave behind. */
import { isWriting, type OpenIterator, type TransactionOwner } from '../connection/session';
import { UnsafeStatementError } from '../errors/refusals';
import { SqliteBusyError, type SqliteResultError } from '../errors/sqlite-errors';
import type { WriteConnection } from './write-connection';
import type { QueuedWrite } from './queued-write';

/** The tab keeps it apart from names that people write, and from the savepoint of `db.transaction`. */
const savepoint = '"\tsafe-sqlite write\t"';
const begin = `SAVEPOINT ${savepoint}`;
const release = `RELEASE ${savepoint}`;
const undo = `ROLLBACK TO ${savepoint}`;

/** Sees the moment when SQLite rolls the whole transaction back under a function that may go on after it. */
export class LossWatch implements TransactionOwner {
  /** The failure that came with the rollback; null while the transaction stands. */
  lost: SqliteResultError | null = null;
  readonly #host: WriteConnection;
  #lift: (() => void) | null = null;

  constructor(host: WriteConnection) {
    this.#host = host;
  }

  /** A function that catches the failure would commit each further statement by itself: every call throws from now on. */
  transactionLost(error: SqliteResultError): void {
    if (this.lost !== null) return;
    this.lost = error;
    this.#lift = this.#host.suspend(() => goneError(this.#host.file, error));
  }

  lift(): void {
    this.#lift?.();
    this.#lift = null;
  }
}

/**
 * Runs the function of `write` in a savepoint; what it throws is kept in the write.
 *
 * @throws the failure of a savepoint statement: then the whole batch cannot be committed
 */
export function runMember(host: WriteConnection, watch: LossWatch, write: QueuedWrite): void {
  host.execute(begin);
  runFunction(host, watch, write);
  if (watch.lost === null) withoutIterators(host, write, () => leaveSavepoint(host, write));
}

/** As `runMember`, for one that has the transaction for itself: it needs no savepoint, and what fails rolls back all. */
export function runAlone(host: WriteConnection, watch: LossWatch, write: QueuedWrite): void {
  runFunction(host, watch, write);
  if (watch.lost !== null || !write.failed) return;
  // In unsafe mode ROLLBACK leaves it open, and every COMMIT from then on would be refused.
  closeIterators(host, isWriting);
  withoutIterators(host, write, () => host.execute('ROLLBACK'));
}

function runFunction(host: WriteConnection, watch: LossWatch, write: QueuedWrite): void {
  host.owner = watch;
  write.run();
  host.owner = null;
  if (watch.lost === null) return;
  watch.lift();
  closeIterators(host, isAny);
  // One that caught the failure and returned is not stored either.
  if (!write.failed) write.fail(watch.lost);
}

/**
 * Takes a step that better-sqlite3, or in unsafe mode SQLite, refuses while an iterator is open: then the function has
 * left one behind. It is closed, the write has failed, and the step is taken again.
 */
function withoutIterators(host: WriteConnection, write: QueuedWrite, step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!failedWithIterator(host, write, error)) throw error;
    step();
  }
}

/** Whether `error` comes from an iterator that the function has left open; it is closed then, and the write has failed. */
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

/** Closes the iterators that `which` picks; the SQL of the first, null when there was none. */
function closeIterators(host: WriteConnection, which: (iterator: OpenIterator) => boolean): string | null {
  let first: string | null = null;
  for (const iterator of host.openIterators()) {
    if (!which(iterator)) continue;
    first ??= iterator.statement.source;
    iterator.return();
  }
  return first;
}

function goneError(file: string, cause: SqliteResultError): UnsafeStatementError {
  return new UnsafeStatementError(
    `The transaction of this write on ${file} is rolled back already: the statement would commit by itself.`,
    {
      hint: `Let the error that came before (${cause.code}) end the function: SQLite rolled back everything with it.`,
      details: { file },
      cause,
    },
  );
}
