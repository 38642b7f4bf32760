/** `db.withSnapshot`: a verified snapshot before a risky change, and the change in one checked transaction. */
import { rm } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { wallClockNow } from '../base/clock';
import { errorMessage } from '../base/foreign-error';
import { BackupError } from '../errors/refusals';
import { choiceOption, refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import type { BackupResult } from './options';
import { syncFolder } from './durable-rename';
import { stampOf } from './folder';

export interface SnapshotOptions {
  /** The folder of the snapshot. Default: that of the database. */
  directory?: string | undefined;
  /** `'always'` (default), or `'on-failure'`: the snapshot of a change that succeeded is deleted. */
  keep?: 'always' | 'on-failure' | undefined;
  /** How the snapshot is checked before the change begins. Default `'quick'`. */
  verify?: 'quick' | 'full' | undefined;
  /** Check the database before the change is committed. `'quick'` (default) reads all of it. */
  check?: 'quick' | 'off' | undefined;
}

/** What the change needs of the connection. */
export interface SnapshotConnection {
  /** Canonical path of the database; `null` for one without a file, which needs `directory`. */
  readonly file: string | null;
  readonly backup: (destination: string, options: { verify: 'quick' | 'full' }) => Promise<BackupResult>;
  /** Runs `change` in one IMMEDIATE transaction, rolled back when it throws. */
  readonly transaction: <Value>(change: () => Value) => Value;
  /** What `quick_check` and `foreign_key_check` find on this connection; empty when all is well. */
  readonly problems: () => readonly string[];
}

export interface SnapshotOutcome<Value> {
  /** What the change returned. */
  readonly value: Value;
  /** Path of the snapshot; `null` when it was deleted. */
  readonly snapshot: string | null;
}

const names = ['directory', 'keep', 'verify', 'check'] as const;
/** Problems that a message shows. */
const shownProblems = 3;

/**
 * Takes a verified snapshot, runs `change` in one transaction, and commits only when the database is sound after it.
 *
 * When the change throws, or the check finds anything, the transaction is rolled back, and `BackupError` names the
 * snapshot (`details.snapshot`), with what was thrown as its `cause`. `change` is synchronous, as every transaction of
 * SQLite is; it and the check stop the event loop.
 */
export async function withSnapshot<Value>(
  connection: SnapshotConnection,
  change: () => Value,
  given: SnapshotOptions = {},
): Promise<SnapshotOutcome<Value>> {
  if (typeof change !== 'function') refuseOption('change', 'a function', change);
  checkOptionNames(given, names, 'snapshot');
  const keep = choiceOption('keep', given.keep, 'always', ['always', 'on-failure']);
  const verify = choiceOption('verify', given.verify, 'quick', ['quick', 'full']);
  const check = choiceOption('check', given.check, 'quick', ['quick', 'off']);
  const directory = given.directory ?? (connection.file === null ? undefined : dirname(connection.file));
  if (typeof directory !== 'string')
    refuseOption('directory', 'the path of a folder, for a database without a file', directory);
  const name = connection.file === null ? 'memory' : parse(connection.file).name;
  const { path } = await connection.backup(join(directory, `${name}.snapshot-${stampOf(wallClockNow())}.db`), {
    verify,
  });
  const value = runChange(connection, change, check, path);
  if (keep === 'always') return { value, snapshot: path };
  await rm(path, { force: true });
  await syncFolder(dirname(path));
  return { value, snapshot: null };
}

function runChange<Value>(
  connection: SnapshotConnection,
  change: () => Value,
  check: 'quick' | 'off',
  snapshot: string,
): Value {
  let step = 'change';
  try {
    return connection.transaction(() => {
      const value = change();
      if (value instanceof Promise) {
        throw new TypeError('The change returned a promise: a transaction of SQLite cannot wait for one.');
      }
      step = 'check';
      const problems = check === 'off' ? [] : connection.problems();
      step = 'commit';
      if (problems.length === 0) return value;
      step = 'check';
      throw new BackupError(
        `The database is not sound after the change: ${problems.slice(0, shownProblems).join('; ')}.`,
        {
          details: { problems },
        },
      );
    });
  } catch (cause) {
    throw new BackupError(`The change failed (step: ${step}) and was rolled back: ${errorMessage(cause)}`, {
      hint: `The database is as it was before the change. The snapshot from before it is ${snapshot}.`,
      details: { step, snapshot },
      cause,
    });
  }
}
