/** One process in which several copies of SQLite, threads or descriptors meet at one file: node scenarios.mts NAME FILE SECOND. */
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as NodeSqlite from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { Database, installProcessGuard, openDatabase, type Options } from 'safe-sqlite';
import { registeredFiles } from '../../dist/registry/registry.js';

type DatabaseType = InstanceType<typeof Database>;

const require = createRequire(import.meta.url);
const [name = '', file = '', second = ''] = process.argv.slice(2);
const silent = { logger: false, timeout: 0 } as const;
const addon = join(second, 'prebuilds', fs.readdirSync(join(second, 'prebuilds')).find(each => loads(each)) ?? '');

function loads(prebuild: string): boolean {
  try {
    require(join(second, 'prebuilds', prebuild));
    return prebuild.endsWith('.node');
  } catch {
    return false;
  }
}

/** Runs `code` in a worker that has `openDatabase`, `file` and `addon`; gives the worker once it says what came out. */
async function worker(code: string): Promise<{ worker: Worker; said: unknown }> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { openDatabase } = require(workerData.library);
    const { file, addon } = workerData;
    let said;
    try { said = (() => { ${code} })(); } catch (error) { said = { name: error.name, message: error.message }; }
    parentPort.postMessage(said ?? null);
    parentPort.once('message', () => process.exit());`;
  const library = require.resolve('safe-sqlite');
  const started = new Worker(source, { eval: true, workerData: { library, file, addon } });
  const [said] = (await once(started, 'message')) as [unknown];
  return { worker: started, said };
}

/** What opening the file through this library comes to. */
function opening(options: object = {}, open: (file: string, options: Options) => DatabaseType = openDatabase): unknown {
  try {
    const db = open(file, { ...silent, ...options });
    db.exec('CREATE TABLE IF NOT EXISTS t(a)');
    db.close();
    return 'opened';
  } catch (error) {
    const { name: errorName, message, details } = error as Error & { details?: object };
    return { name: errorName, message, details };
  }
}

const scenarios: Record<string, () => unknown> = {
  'node:sqlite'() {
    const { DatabaseSync } = require('node:sqlite') as typeof NodeSqlite;
    const other = new DatabaseSync(file);
    other.exec('CREATE TABLE t(a)');
    const raw = new Native(file);
    raw.exec('BEGIN IMMEDIATE');
    other.exec('BEGIN IMMEDIATE');
    other.exec('ROLLBACK');
    raw.exec('ROLLBACK');
    raw.close();
    const refused = opening();
    other.close();
    return { refused, afterwards: opening() };
  },
  'a second better-sqlite3'() {
    const other = new (require(second) as typeof Native)(file);
    other.exec('CREATE TABLE t(a)');
    const refused = opening();
    other.close();
    return { refused, afterwards: opening() };
  },
  'a foreign nativeBinding'() {
    const db = openDatabase(file, silent);
    const refused = opening({ nativeBinding: addon }, Database);
    db.close();
    return { refused, afterwards: opening({ nativeBinding: addon }, Database) };
  },
  'a descriptor'() {
    fs.writeFileSync(file, '');
    const fd = fs.openSync(file, 'r+');
    const journal = fs.openSync(`${file}-j`, 'w+');
    const other = new (Native as unknown as new (fd: number, options: object) => Native.Database)(fd, {
      journalFd: journal,
    });
    other.exec('CREATE TABLE t(a)');
    const refused = opening();
    other.close();
    fs.closeSync(fd);
    return { refused, afterwards: opening() };
  },
  async 'a worker of the same copy'() {
    // The presence of another copy must not make the worker's connection suspicious.
    new (require('node:sqlite') as typeof NodeSqlite).DatabaseSync(':memory:').close();
    const { worker: started, said } = await worker(
      `globalThis.db = openDatabase(file, { logger: false }); return 'open';`,
    );
    const here = opening();
    started.postMessage('end');
    await once(started, 'exit');
    return { said, here };
  },
  async 'a worker of another copy'() {
    const db = openDatabase(file, silent);
    const { worker: started, said } = await worker(`openDatabase(file, { logger: false, nativeBinding: addon });`);
    started.postMessage('end');
    db.close();
    return { said };
  },
  async 'a worker that node:sqlite was faster than'() {
    const other = new (require('node:sqlite') as typeof NodeSqlite).DatabaseSync(file);
    other.exec('CREATE TABLE t(a)');
    const { worker: started, said } = await worker(`require('node:sqlite'); openDatabase(file, { logger: false });`);
    started.postMessage('end');
    other.close();
    return { said };
  },
  async 'the guard and the files of workers'() {
    installProcessGuard();
    const attempt = (): string => {
      try {
        fs.readFileSync(file);
        return 'read';
      } catch (error) {
        return (error as Error).name;
      }
    };
    const first = await worker(`globalThis.db = openDatabase(file, { logger: false }); return 'open';`);
    const during = attempt();
    const listed = registeredFiles().length;
    await first.worker.terminate();
    return { during, listed, terminated: attempt(), listedAfter: registeredFiles().length };
  },
};

process.stdout.write(JSON.stringify(await scenarios[name]?.()));
