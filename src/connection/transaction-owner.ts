/** Who runs functions of the application inside a transaction of its own. */
import type { SqliteResultError } from '../errors/sqlite-errors';

export interface TransactionOwner {
  /** A statement failed with `error`, and SQLite has rolled back the whole transaction with it. */
  transactionLost(error: SqliteResultError): void;
}
