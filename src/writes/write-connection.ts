/** Declares the part of a connection that the write queue uses. */
import type { BusyTimeout } from '../connection/busy-timeout';
import type { OpenIterator, TransactionOwner } from '../connection/session';
import type { EventHub } from '../events/event-hub';

export interface WriteConnection {
  readonly file: string;
  readonly native: { readonly inTransaction: boolean };
  readonly hub: EventHub;
  readonly busyTimeout: BusyTimeout;
  /** Builds the error of every further call; null while the connection is usable. */
  readonly refusal: (() => Error) | null;
  owner: TransactionOwner | null;
  /** Runs one statement of a transaction, hidden from `verbose`; a failure is translated. */
  execute(sql: string): void;
  openIterators(): Iterable<OpenIterator>;
  /** Makes every call through any handle throw, until the returned function is called. */
  suspend(refusal: () => Error): () => void;
  /** Marks the error's transaction as certainly rolled back. */
  markRolledBackByFailure(error: unknown): void;
}
