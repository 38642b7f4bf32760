/** Implements `db.transaction(fn)`: better-sqlite3's contract, with a truthful report of a failed COMMIT. */
import { atCaller } from '../base/own-frames';
import { isThenable } from '../base/thenable';
import { SqliteResultError } from '../errors/sqlite-errors';
import type { Transaction, VariableArgFunction } from './types';
import type { Connection } from './connection';
import type { Session } from './session';

/** How `fn` begins. `plain`: what SQLite treats as DEFERRED, and better-sqlite3 writes. */
export type TransactionMode = 'plain' | 'deferred' | 'immediate' | 'exclusive';

/** The part of the database that a transaction uses. */
export interface TransactionHost {
  /** The handle, shown as `transaction.database`. */
  readonly database: object;
  readonly defaultMode: TransactionMode;
  inTransaction(): boolean;
  /** Throws the error of every further call: closed, fenced. */
  assertUsable(): void;
  /** Runs BEGIN, COMMIT, ROLLBACK and the like, shown to `verbose` as in better-sqlite3. */
  execute(sql: string): void;
  /** The same, hidden from `verbose`. */
  executeUnseen(sql: string): void;
  /** Marks the error of a COMMIT: its transaction is certainly rolled back. */
  settle(error: unknown): void;
}

/** The savepoint of nested calls, named as in better-sqlite3: `verbose` shows the same texts. */
const savepoint = '`\t_bs3.\t`';

const begin: Readonly<Record<TransactionMode, string>> = {
  plain: 'BEGIN',
  deferred: 'BEGIN DEFERRED',
  immediate: 'BEGIN IMMEDIATE',
  exclusive: 'BEGIN EXCLUSIVE',
};

/** Creates the function of `db.transaction(fn)` with its variants `default`, `deferred`, `immediate`, `exclusive`. */
export function makeTransaction<F extends VariableArgFunction>(host: TransactionHost, fn: F): Transaction<F> {
  if (typeof fn !== 'function') throw atCaller(new TypeError('Expected first argument to be a function'));
  const variants = {
    default: variant(host, fn, host.defaultMode),
    deferred: variant(host, fn, 'deferred'),
    immediate: variant(host, fn, 'immediate'),
    exclusive: variant(host, fn, 'exclusive'),
  };
  const properties: PropertyDescriptorMap = { database: { value: host.database, enumerable: true } };
  for (const [name, value] of Object.entries(variants)) properties[name] = { value };
  for (const each of Object.values(variants)) Object.defineProperties(each, properties);
  return variants.default as unknown as Transaction<F>;
}

function variant<F extends VariableArgFunction>(host: TransactionHost, fn: F, mode: TransactionMode) {
  // The name that better-sqlite3 gives it, which traces and metrics show.
  return function sqliteTransaction(this: unknown, ...params: Parameters<F>): unknown {
    host.assertUsable();
    const nested = host.inTransaction();
    host.execute(nested ? `SAVEPOINT ${savepoint}` : begin[mode]);
    let committing = false;
    try {
      const result: unknown = Reflect.apply(fn, this, params);
      if (isThenable(result)) throw atCaller(new TypeError('Transaction function cannot return a promise'));
      committing = !nested;
      host.execute(nested ? `RELEASE ${savepoint}` : 'COMMIT');
      return result;
    } catch (error) {
      undo(host, nested);
      if (committing && !host.inTransaction()) host.settle(error);
      throw error;
    }
  };
}

/** Rolls back an open transaction: after some errors SQLite itself has rolled it back. */
function undo(host: TransactionHost, nested: boolean): void {
  if (!host.inTransaction()) return;
  const failures: unknown[] = [];
  for (const sql of nested ? [`ROLLBACK TO ${savepoint}`, `RELEASE ${savepoint}`] : ['ROLLBACK']) {
    try {
      host.execute(sql);
    } catch (error) {
      // A `verbose` listener that throws keeps SQLite from running the statement; its error is thrown once it has run.
      if (error instanceof SqliteResultError) throw error;
      failures.push(error);
      host.executeUnseen(sql);
    }
  }
  if (failures.length > 0) throw failures[0];
}

// Presents a connection to the transactions of one of its handles.

export function transactionHost(database: object, connection: Connection, session: Session): TransactionHost {
  return {
    database,
    defaultMode: connection.options.transactionMode === 'deferred' ? 'plain' : connection.options.transactionMode,
    inTransaction: () => connection.native.inTransaction,
    assertUsable: () => {
      if (session.before !== null) session.before();
    },
    execute: sql => connection.execute(sql, true),
    executeUnseen: sql => connection.execute(sql),
    settle: error => connection.markRolledBackByFailure(error),
  };
}
