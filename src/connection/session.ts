/** One handle's view of a connection: what its statements ask before each call, and where their failures go. */
import type { CommitHooks } from './commit-hooks';
import type { SqliteResultError } from '../errors/sqlite-errors';

/** What a failing call was about to do. */
export interface FailedOperation {
  readonly operation: string;
  readonly sql?: string;
  /** True for COMMIT, END and RELEASE, and for what commits by itself outside of a transaction. */
  readonly commits?: boolean;
}

/** An iterator that was not run to its end yet: it holds a read transaction open and pins the WAL. */
export interface OpenIterator {
  readonly statement: { readonly source: string; readonly readonly: boolean };
  /** Milliseconds of the monotonic clock. */
  readonly openedAt: number;
  /** Ends the statement of a connection that refuses every call: the next step throws the refusal. */
  letGo(): void;
  /** Ends the iterator. */
  return(): unknown;
}

/** Whether it is of an `INSERT … RETURNING` or the like: while it is open SQLite refuses COMMIT and RELEASE. */
export function isWriting({ statement }: OpenIterator): boolean {
  return !statement.readonly;
}

export interface Session {
  /** Strong references: better-sqlite3 keeps the transaction of a forgotten iterator open, so it must stay visible. */
  readonly openIterators: Set<OpenIterator>;
  /** The handle was closed. */
  closed: boolean;
  /** Makes the error of every further call; null while all is well. */
  refusal: (() => Error) | null;
  /**
   * Called before every call: throws the refusal, or puts back how long SQLite waits for a lock. Null when there is
   * nothing to do, which is asked on every call, so it is a plain field. The connection sets it.
   */
  before: (() => void) | null;
  /** What every statement that may commit passes first; one for all handles of the connection. */
  readonly commitHooks: CommitHooks;
  /** Translates a failure, tells those who decide about the fence, and returns what is to be thrown. */
  failure(error: unknown, operation: FailedOperation): unknown;
}

/** Sets what the next call through a handle begins with: its refusal, or `pending` where nothing is refused. */
export function armSession(session: Session, pending: (() => void) | null): void {
  const { refusal } = session;
  if (refusal === null) session.before = pending;
  else {
    session.before = () => {
      throw refusal();
    };
  }
}

// Who runs functions of the application inside a transaction of its own.

export interface TransactionOwner {
  /** The member that runs them, for messages: `db.write()`. */
  readonly member: string;
  /** A statement failed with `error`, and SQLite has rolled back the whole transaction with it. */
  transactionLost(error: SqliteResultError): void;
  /** A function is about to run `sql`, which sets at least one pragma. May throw to prevent it. */
  setsPragma(sql: string): void;
}
