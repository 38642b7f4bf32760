/** What the write queue needs of a connection. */
import type { BusyTimeout } from '../connection/busy-timeout';
import type { OpenIterator, TransactionOwner } from '../connection/session';
import type { EventHub } from '../events/event-hub';

export interface WriteConnection {
  readonly file: string;
  readonly native: { readonly inTransaction: boolean };
  readonly hub: EventHub;
  readonly busyTimeout: BusyTimeout;
  /** Makes the error of every further call; null while all is well. */
  readonly refusal: (() => Error) | null;
  owner: TransactionOwner | null;
  /** Runs one of the statements of a transaction, unseen by `verbose`; a failure is translated. */
  execute(sql: string): void;
  openIterators(): Iterable<OpenIterator>;
  /** Lets every call through any handle throw, until the function that it returns is called. */
  suspend(refusal: () => Error): () => void;
  /** Tells the error that its transaction is rolled back for certain. */
  markRolledBackByFailure(error: unknown): void;
}
