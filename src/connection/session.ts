/**
 * Represents one handle's view of a connection: the check before each call of its statements, and the route of their
 * failures.
 */
import type { Entry } from '../base/own-frames';
import type { CommitHooks } from './commit-hooks';
import type { PragmaOptions } from './types';
import type { SqliteResultError } from '../errors/sqlite-errors';

/** The operation of a failed call. */
export interface FailedOperation {
  readonly operation: string;
  readonly sql?: string;
  /** True for COMMIT, END and RELEASE, and for an autocommit statement. */
  readonly commits?: boolean;
  /** The public member that runs, where the caller knows it: the stack of the error begins where that was called. */
  readonly entry?: Entry;
}

/** An iterator that was not run to its end: it holds a read transaction open and pins the WAL. */
export interface OpenIterator {
  readonly statement: { readonly source: string; readonly readonly: boolean };
  /** Milliseconds of the monotonic clock. */
  readonly openedAt: number;
  /** Ends the statement of a connection that refuses every call: the next step throws the refusal. */
  letGo(): void;
  /** Ends the iterator. */
  return(): unknown;
}

/** What `UnsafeMode` does for the calls of a handle. */
export interface WritesBesideIterators {
  /** The application asked for it, through any handle of the connection. */
  wanted: boolean;
  exec(sql: string): void;
  pragma(source: string, options: PragmaOptions | undefined): unknown;
  again<Result>(error: unknown, text: string, execute: () => Result): Result;
  own<Result>(execute: () => Result): Result;
}

/** True for an `INSERT … RETURNING` or the like: while it is open SQLite refuses COMMIT and RELEASE. */
export function isWriting({ statement }: OpenIterator): boolean {
  return !statement.readonly;
}

export interface Session {
  /** Strong references: better-sqlite3 keeps the transaction of a forgotten iterator open, so it must stay visible. */
  readonly openIterators: Set<OpenIterator>;
  /** The handle was closed. */
  closed: boolean;
  /** Builds the error of every further call; null while the connection is usable. */
  refusal: (() => Error) | null;
  /**
   * Called before every call: throws the refusal, or restores the busy timeout. Null if there is nothing to do; read on
   * every call, so it is a plain field. The connection sets it.
   */
  before: (() => void) | null;
  /** Called first by every statement that may commit; shared by all handles of the connection. */
  readonly commitHooks: CommitHooks;
  /** Whether statements may write beside an open iterator; one for all handles of the connection. */
  readonly unsafe: WritesBesideIterators;
  /** Translates a failure, notifies the fence, and returns the error to throw. */
  failure(error: unknown, operation: FailedOperation): unknown;
}

/** Sets the first step of the next call through a handle: its refusal, or else `pending`. */
export function armSession(session: Session, pending: (() => void) | null): void {
  const { refusal } = session;
  if (refusal === null) session.before = pending;
  else {
    session.before = () => {
      throw refusal();
    };
  }
}

// The owner of a transaction that runs functions of the application.

export interface TransactionOwner {
  /** The member that runs them, for messages: `db.write()`. */
  readonly member: string;
  /** A statement failed with `error`, and SQLite has rolled back the whole transaction with it. */
  transactionLost(error: SqliteResultError): void;
  /** A function is about to run `sql`, which sets at least one pragma. May throw to prevent it. */
  setsPragma(sql: string): void;
}
