/** Declares the events that a connection sends to its services; `open/services.ts` implements it. */
import type { SqliteResultError } from '../errors/sqlite-errors';
import type { FailedOperation } from './session';

export interface ConnectionObserver {
  /** SQLite failed; called before the error is thrown. Decides about the fence. Must not throw. */
  failed(error: SqliteResultError, operation: FailedOperation): void;
  /** The application has set a journal mode, of the main database or an attached one. Must not throw. */
  journalModeSet(): void;
  /** The application is about to set the journal mode, which needs the file for itself. Must not throw. */
  switchesJournal(): void;
  /** A fence or the sentinel refuses every further call; called once. Must not throw. */
  refused(): void;
}
