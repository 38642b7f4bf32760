/** A folder with a database for one test, the library on it, and other processes beside it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Database, type Options } from 'safe-sqlite';
import { openOwn } from '../../dist/open/open.js';
import type { SharedConnection } from '../../dist/open/shared-connection.js';
import { startScenario, type Scenario } from '../support/fault-shim.mts';

export interface Bench extends Disposable {
  readonly file: string;
  readonly db: Database;
  /** What stands behind `db`. */
  readonly opened: SharedConnection;
  /** The column `x` of `t`, in the order of its rows. */
  rows(): unknown[];
  /** Another process that has the file open. */
  locker(): Promise<Scenario>;
  /** The same in a transaction that has read: with a rollback journal it is in the way of every COMMIT but its own. */
  reader(): Promise<Scenario>;
}

export function createBench(options: Options = {}): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'writes-'));
  const file = join(folder, 't.db');
  // A machine that is busy with something else would end a batch before its writes are in it.
  const writes = { maxBatchMs: 60_000, ...options.writes };
  const opened = openOwn(file, { logger: false, ...options, writes });
  const db = new Database(opened as unknown as string);
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE)');
  const started: Scenario[] = [];
  const locker = async (): Promise<Scenario> => {
    const scenario = startScenario(join(import.meta.dirname, 'locker.scenario.mts'));
    started.push(scenario);
    await scenario.ask('open', file);
    return scenario;
  };
  return {
    file,
    db,
    opened,
    rows: () => db.prepare('SELECT x FROM t ORDER BY id').pluck().all(),
    locker,
    async reader() {
      const scenario = await locker();
      await scenario.ask('exec', 'BEGIN');
      await scenario.ask('all', 'SELECT * FROM t');
      return scenario;
    },
    [Symbol.dispose]() {
      for (const scenario of started) scenario.kill();
      if (db.open) db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What each promise brought: its value, or its error. */
export async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map(each => (each.status === 'fulfilled' ? each.value : each.reason));
}

/** The insert that most tests write with. */
export function inserter(db: Database): (value: unknown) => unknown {
  const insert = db.prepare('INSERT INTO t (x) VALUES (?)');
  return value => {
    insert.run(value);
    return value;
  };
}
