/**
 * Tracks a transaction of this library in which functions of the application run, and detects that SQLite rolled it
 * back.
 */
import { UnsafeStatementError } from '../errors/refusals';
import type { SqliteResultError } from '../errors/sqlite-errors';
import type { TransactionOwner } from './session';

/** The part of the connection that an owned transaction uses. */
export interface OwningConnection {
  readonly file: string;
  owner: TransactionOwner | null;
  /** Makes every call through any handle throw, until the returned function is called. */
  suspend(refusal: () => Error): () => void;
}

/** The failure with which SQLite rolled back the whole transaction. */
export interface Loss {
  readonly error: SqliteResultError;
  /** Copied at once: the error belongs to the application, which may change it. */
  readonly code: string;
}

export class OwnedTransaction implements TransactionOwner {
  readonly member: string;
  /** Null while the transaction is open. */
  loss: Loss | null = null;
  /** A function has set a pragma. */
  pragmaSet = false;
  readonly #connection: OwningConnection;
  #lift: (() => void) | null = null;

  constructor(connection: OwningConnection, member: string) {
    this.#connection = connection;
    this.member = member;
  }

  /** Runs `run`, which never throws, as functions of the application inside this transaction. */
  while(run: () => void): void {
    this.#connection.owner = this;
    run();
    this.#connection.owner = null;
    this.#lift?.();
    this.#lift = null;
  }

  /** A function that catches the failure would autocommit each further statement: every call throws from now on. */
  transactionLost(error: SqliteResultError): void {
    if (this.loss !== null) return;
    const loss = { error, code: error.code };
    this.loss = loss;
    this.#lift = this.#connection.suspend(() => goneError(this.#connection.file, this.member, loss));
  }

  setsPragma(): void {
    this.pragmaSet = true;
  }
}

function goneError(file: string, member: string, { error, code }: Loss): UnsafeStatementError {
  return new UnsafeStatementError(
    `The transaction of ${member} on ${file} has been rolled back: the statement would commit by itself.`,
    {
      hint: `Let the earlier error (${code}) end the function: SQLite rolled back everything with it.`,
      details: { file },
      cause: error,
    },
  );
}
