/** A connection as the transactions of one of its handles see it. */
import type { Connection } from './connection';
import type { Session } from './session';
import type { TransactionHost } from './transaction';

export function transactionHost(database: object, connection: Connection, session: Session): TransactionHost {
  return {
    database,
    defaultMode: connection.options.transactionMode === 'deferred' ? 'plain' : connection.options.transactionMode,
    inTransaction: () => connection.native.inTransaction,
    assertUsable: () => {
      if (session.before !== null) session.before();
    },
    execute: sql => connection.execute(sql),
    settle: error => connection.settle(error),
  };
}
