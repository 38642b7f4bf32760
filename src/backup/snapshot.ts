/** Implements `db.withSnapshot`: a verified snapshot before a risky change, and a check of the database after it. */
import { rm } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { isAsyncFunction, isGeneratorFunction } from 'node:util/types';
import { wallClockNow } from '../base/clock';
import { errorMessage } from '../base/foreign-error';
import { BackupError, InvalidOptionError } from '../errors/refusals';
import { choiceOption, refuseCredentials, refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import type { BackupResult } from './options';
import { syncFolder } from './durable-rename';
import { stampOf } from './folder';

export interface SnapshotOptions {
  /** The folder of the snapshot. Default: that of the database. */
  directory?: string | undefined;
  /** `'always'` (default), or `'on-failure'`: the snapshot of a change that succeeded is deleted. */
  keep?: 'always' | 'on-failure' | undefined;
  /** How the snapshot is checked before the change starts. Default `'quick'`. */
  verify?: 'quick' | 'full' | undefined;
  /** Check the database after the change. `'quick'` (default) reads all of it. */
  check?: 'quick' | 'off' | undefined;
  /**
   * `'one'` (default): the change is synchronous and runs in one transaction, which is rolled back if it fails.
   * `'own'`: the change makes its own transactions and may be async, like the migrators of Knex, TypeORM, Umzug,
   * Drizzle and Kysely. Its commits stay if it fails; restore the snapshot to undo them.
   */
  transaction?: 'one' | 'own' | undefined;
  /**
   * `'off'`: foreign keys of this connection are not enforced while the change runs, and checked after it. A change
   * needs that if it rebuilds a table which others refer to (https://sqlite.org/lang_altertable.html section 7); inside
   * a transaction SQLite ignores `PRAGMA foreign_keys`. `'keep'` (default): unchanged.
   */
  foreignKeys?: 'keep' | 'off' | undefined;
}

/** The outcome of a failed change. `'unknown'`: all of it or a part may be stored. */
export type ChangeOutcome = 'not-begun' | 'rolled-back' | 'unknown';

/** Carries the step at which a change failed, and what is known to be stored of it. */
export class FailedChange extends Error {
  readonly step: 'begin' | 'change' | 'check' | 'commit';
  readonly outcome: ChangeOutcome;

  constructor(step: FailedChange['step'], outcome: ChangeOutcome, cause: unknown) {
    super(errorMessage(cause), { cause });
    this.step = step;
    this.outcome = outcome;
  }
}

/** How to run the change. */
export interface ChangePlan {
  readonly check: 'quick' | 'off';
  readonly foreignKeys: 'keep' | 'off';
}

export interface Changed<Value> {
  readonly value: Value;
  /** Rows with dangling references, all of them from before the change; `null` if they were not counted. */
  readonly foreignKeyViolations: number | null;
}

/** The part of the connection that the change uses. */
export interface SnapshotConnection {
  /** Canonical path of the database; `null` for one without a file, which needs `directory`. */
  readonly file: string | null;
  readonly backup: (destination: string, options: { verify: 'quick' | 'full' }) => Promise<BackupResult>;
  /** Runs `change` in one IMMEDIATE transaction, checks, and commits. Throws `FailedChange`. */
  readonly changeInTransaction: <Value>(change: () => Value, plan: ChangePlan) => Changed<Value>;
  /** Runs `change`, which makes its own transactions, and checks. Rejects with `FailedChange`. */
  readonly changeAlone: <Value>(change: () => Value, plan: ChangePlan) => Promise<Changed<Awaited<Value>>>;
}

export interface SnapshotOutcome<Value> {
  /** The result of the change, resolved. */
  readonly value: Value;
  /** Path of the snapshot; `null` if it was deleted. One that cannot be deleted stays. */
  readonly snapshot: string | null;
  /** Rows with dangling references, all of them from before the change; `null` with `check: 'off'`. */
  readonly foreignKeyViolations: number | null;
}

const names = ['directory', 'keep', 'verify', 'check', 'transaction', 'foreignKeys'] as const;

/**
 * Takes a verified snapshot, runs `change`, and checks the database after it.
 *
 * With `transaction: 'one'` the change is synchronous, like every transaction of SQLite: it and the check block the
 * event loop. If it throws, or the check finds new problems, the transaction is rolled back. `BackupError` names the
 * snapshot (`details.snapshot`) and tells what is stored (`details.outcome`), with the original error as its `cause`.
 */
export async function withSnapshot<Value>(
  connection: SnapshotConnection,
  change: () => Value,
  given: SnapshotOptions = {},
): Promise<SnapshotOutcome<Awaited<Value>>> {
  if (typeof change !== 'function') refuseOption('change', 'a function', change);
  checkOptionNames(given, names, 'snapshot');
  if (isGeneratorFunction(change)) refuseOption('change', 'a function that is no generator', change);
  const keep = choiceOption('keep', given.keep, 'always', ['always', 'on-failure']);
  const verify = choiceOption('verify', given.verify, 'quick', ['quick', 'full']);
  const check = choiceOption('check', given.check, 'quick', ['quick', 'off']);
  const transaction = choiceOption('transaction', given.transaction, 'one', ['one', 'own']);
  const foreignKeys = choiceOption('foreignKeys', given.foreignKeys, 'keep', ['keep', 'off']);
  if (transaction === 'one' && isAsyncFunction(change)) throw asyncChange();
  const directory = given.directory ?? (connection.file === null ? undefined : dirname(connection.file));
  if (typeof directory !== 'string')
    refuseOption('directory', 'the path of a folder, for a database without a file', directory);
  refuseCredentials('directory', directory);
  const name = connection.file === null ? 'memory' : parse(connection.file).name;
  const { path } = await connection.backup(join(directory, `${name}.snapshot-${stampOf(wallClockNow())}.db`), {
    verify,
  });
  const plan = { check, foreignKeys };
  let changed: Changed<Awaited<Value>>;
  try {
    changed =
      transaction === 'own'
        ? await connection.changeAlone(change, plan)
        : // Nothing thenable leaves it.
          (connection.changeInTransaction(change, plan) as Changed<Awaited<Value>>);
  } catch (error) {
    throw error instanceof FailedChange ? explain(error, path, connection.file) : error;
  }
  const kept = keep === 'always' || !(await remove(path));
  return { ...changed, snapshot: kept ? path : null };
}

/** Returns false if it still exists. The change is stored: no later failure may claim otherwise. */
async function remove(path: string): Promise<boolean> {
  try {
    await rm(path, { force: true });
  } catch {
    return false;
  }
  // Without this sync a power cut can bring it back, which is harmless.
  await syncFolder(dirname(path)).catch(() => {});
  return true;
}

const forAsync =
  "For a migrator that is async or makes its own transactions (Knex, TypeORM, Umzug, Drizzle, Kysely) pass { transaction: 'own' }: `npx safe-sqlite explain backups` lists what that can undo.";

function asyncChange(): InvalidOptionError {
  return new InvalidOptionError('An async change cannot run in one transaction; it was not called.', {
    hint: forAsync,
  });
}

/** Thrown inside the transaction, to roll it back. */
export function promisedChange(): TypeError {
  return new TypeError(`The change returned a promise, and a transaction of SQLite cannot wait for one. ${forAsync}`);
}

function explain({ step, outcome, message, cause }: FailedChange, snapshot: string, file: string | null): BackupError {
  const details = { step, outcome, snapshot };
  const restore = file === null ? '' : ` (npx safe-sqlite restore ${snapshot} ${file})`;
  switch (outcome) {
    case 'not-begun':
      return new BackupError(`The change was not run (step: ${step}): ${message}`, {
        hint: `Nothing was changed. The snapshot is ${snapshot}.`,
        details,
        cause,
      });
    case 'rolled-back':
      return new BackupError(`The change failed (step: ${step}) and was rolled back: ${message}`, {
        hint: `On this connection the database is as it was before the change. The snapshot from before it is ${snapshot}.`,
        details,
        cause,
      });
    case 'unknown':
      return new BackupError(`The change failed (step: ${step}), and all of it or a part may be stored: ${message}`, {
        hint: `Check what is stored before you run it again. To go back, stop every program that has the database open and restore ${snapshot}${restore}: later writes are lost with the change.`,
        details,
        cause,
      });
  }
}
