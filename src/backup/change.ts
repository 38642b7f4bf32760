/** Runs the change of `db.withSnapshot` on its connection: in one transaction, or with transactions of its own. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isPromise } from 'node:util/types';
import { isThenable } from '../base/thenable';
import type { Connection } from '../connection/connection';
import { OwnedTransaction } from '../connection/owned-transaction';
import { foreignKeysOf, schemasOf, setForeignKeys } from '../connection/set-pragmas';
import { BackupError, UnsafeStatementError } from '../errors/refusals';
import { SqliteLockedError, SqliteResultError } from '../errors/sqlite-errors';
import { countViolations, newViolations, violationsIn, type Violations } from './foreign-keys';
import { FailedChange, promisedChange, type Changed, type ChangeOutcome, type ChangePlan } from './snapshot';

const member = 'db.withSnapshot()';
/** Problems shown in a message. */
const shownProblems = 3;

/** Identifies the change that the running code belongs to. */
const changeOf = new AsyncLocalStorage<object>();

export function changeInTransaction<Value>(
  connection: Connection,
  change: () => Value,
  plan: ChangePlan,
): Changed<Value> {
  return withForeignKeys(connection, plan, () => runTransaction(connection, change, plan));
}

function runTransaction<Value>(connection: Connection, change: () => Value, plan: ChangePlan): Changed<Value> {
  let step: FailedChange['step'] = 'begin';
  try {
    refuseInTransaction(connection);
    connection.execute('BEGIN IMMEDIATE');
    step = 'change';
    const before = plan.check === 'off' ? null : violationsOf(connection);
    const value = runOwned(connection, change, plan);
    step = 'check';
    const foreignKeyViolations = before === null ? null : assertSound(connection, before);
    step = 'commit';
    connection.execute('COMMIT');
    return { value, foreignKeyViolations };
  } catch (error) {
    throw new FailedChange(step, step === 'begin' ? 'not-begun' : undo(connection, error), error);
  }
}

/** Runs the change inside the transaction, which it can neither end nor leave open. */
function runOwned<Value>(connection: Connection, change: () => Value, plan: ChangePlan): Value {
  const transaction = new OwnedTransaction(connection, member);
  const token = {};
  const ends: ({ readonly value: Value } | { readonly error: unknown })[] = [];
  connection.onIgnoredForeignKeys = onIgnored(plan);
  transaction.while(() => {
    try {
      ends.push({ value: changeOf.run(token, change) });
    } catch (error) {
      ends.push({ error });
    }
  });
  connection.onIgnoredForeignKeys = null;
  if (transaction.loss !== null) throw transaction.loss.error;
  const [end = { error: undefined }] = ends;
  if ('error' in end) throw end.error;
  if (isThenable(end.value)) {
    refuseRest(connection, token, end.value);
    throw promisedChange();
  }
  return end.value;
}

/**
 * After its first `await` an async change would be stored statement by statement, although it is rolled back: its calls
 * on this connection throw. The `then` of a non-promise is never called, because it could start a query.
 */
function refuseRest(connection: Connection, token: object, promise: unknown): void {
  const lift = connection.refuseCalls(
    () => changeOf.getStore() === token,
    () =>
      new UnsafeStatementError(`The transaction of ${member} on ${connection.file} has been rolled back.`, {
        hint: 'The change returned a promise, which one transaction cannot wait for: its later statements would be stored one by one.',
        details: { file: connection.file },
      }),
  );
  if (isPromise(promise)) void Promise.prototype.then.call(promise, lift, lift);
}

/** Rolls back an open transaction, and returns what is known of the outcome. */
function undo(connection: Connection, error: unknown): ChangeOutcome {
  const { native } = connection;
  if (native.inTransaction) {
    for (const iterator of connection.openIterators()) iterator.return();
    try {
      connection.execute('ROLLBACK');
    } catch {
      // SQLite tells below whether the transaction has ended; the first error is the one to throw.
    }
    if (native.inTransaction) return 'unknown';
    connection.markRolledBackByFailure(error);
    return 'rolled-back';
  }
  return error instanceof SqliteResultError && error.commitOutcome === 'unknown' ? 'unknown' : 'rolled-back';
}

export async function changeAlone<Value>(
  connection: Connection,
  change: () => Value,
  plan: ChangePlan,
): Promise<Changed<Awaited<Value>>> {
  let step: FailedChange['step'] = 'begin';
  const enforced = foreignKeysOf(connection);
  try {
    refuseInTransaction(connection);
    if (plan.foreignKeys === 'off') setForeignKeys(connection, false);
    const before = plan.check === 'off' ? null : violationsOf(connection);
    step = 'change';
    // Also for other code that runs meanwhile: its request would have no effect either.
    connection.onIgnoredForeignKeys = onIgnored(plan);
    const value = await change();
    step = 'check';
    if (connection.native.inTransaction) throw new BackupError('The change has left a transaction open.');
    const foreignKeyViolations = before === null ? null : assertSound(connection, before);
    return { value, foreignKeyViolations };
  } catch (error) {
    throw new FailedChange(step, step === 'begin' ? 'not-begun' : 'unknown', error);
  } finally {
    connection.onIgnoredForeignKeys = null;
    restoreForeignKeys(connection, enforced);
  }
}

function withForeignKeys<Result>(connection: Connection, plan: ChangePlan, run: () => Result): Result {
  if (plan.foreignKeys === 'keep') return run();
  const enforced = foreignKeysOf(connection);
  // Inside a transaction it has no effect, and `run` refuses that.
  setForeignKeys(connection, false);
  try {
    return run();
  } finally {
    restoreForeignKeys(connection, enforced);
  }
}

function restoreForeignKeys(connection: Connection, enforced: boolean): void {
  if (connection.native.open && foreignKeysOf(connection) !== enforced) setForeignKeys(connection, enforced);
}

/** If they are off already, a generated migration may request that again, and the opposite at its end. */
function onIgnored(plan: ChangePlan): (wanted: boolean) => void {
  return plan.foreignKeys === 'off' ? () => {} : refuseForeignKeys;
}

function refuseForeignKeys(wanted: boolean): never {
  throw new UnsafeStatementError(
    `PRAGMA foreign_keys = ${wanted ? 'ON' : 'OFF'} inside a transaction of ${member}: SQLite ignores it there.`,
    {
      hint: wanted
        ? `Set it before ${member}.`
        : `Pass { foreignKeys: 'off' } to ${member}: they are off while the change runs, and checked before its end. Otherwise rebuilding a table deletes the rows that refer to it.`,
    },
  );
}

function refuseInTransaction(connection: Connection): void {
  if (connection.native.inTransaction) throw insideTransaction(connection.file);
}

export function insideTransaction(file: string): SqliteLockedError {
  return new SqliteLockedError(
    `Cannot run a change with a snapshot of ${file}: this connection has an open transaction.`,
    'SQLITE_LOCKED',
    {
      hint: 'Commit or roll back first: the snapshot has nothing of the open transaction, and the change would be committed or rolled back with it.',
      details: { file, operation: 'withSnapshot' },
    },
  );
}

function violationsOf({ native, verbose }: Connection): Violations {
  return verbose.quietly(() =>
    violationsIn(
      native,
      schemasOf(native).map(({ name }) => name),
    ),
  );
}

/** Throws if the database is damaged, or has new violations; returns the number of violations. */
function assertSound(connection: Connection, before: Violations): number {
  const { native, verbose } = connection;
  const damage = verbose.quietly(() => native.prepare<[], string>('PRAGMA quick_check').pluck().all());
  const after = violationsOf(connection);
  const problems = [...damage.filter(text => text !== 'ok'), ...newViolations(before, after)];
  if (problems.length === 0) return countViolations(after);
  const shown = problems.slice(0, shownProblems).join('; ');
  throw new BackupError(`The database is not sound after the change: ${shown}.`, { details: { problems } });
}
