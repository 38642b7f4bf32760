/**
 * One process that has a database open while a hazard strikes, and then goes on committing until it is killed.
 *
 *   node child.mts <raw | ours | guarded> <hazard> <main | worker> <file> [second copy of better-sqlite3]
 *
 * It writes one JSON line: which rows were acknowledged, and which error ended it.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate as immediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { installProcessGuard, openDatabase } from 'safe-sqlite';
import { hazards } from './hazards.mts';

const require = createRequire(import.meta.url);
const [subject = '', hazard = '', thread = '', file = '', second = ''] = process.argv.slice(2);
const harm = hazards[hazard];
if (harm === undefined) throw new Error(`There is no hazard called ${hazard}.`);

interface Subject {
  exec(sql: string): unknown;
  pragma(sql: string): unknown;
  prepare(sql: string): { run(...values: unknown[]): unknown };
}

function open(): Subject {
  if (subject === 'raw') {
    const db = new Native(file);
    db.pragma('journal_mode=WAL');
    db.pragma('synchronous=FULL');
    return db;
  }
  if (subject === 'guarded') installProcessGuard();
  return openDatabase(file, { logger: false, processGuard: subject === 'guarded' ? 'on' : 'off' });
}

const db = open();
db.exec('CREATE TABLE t(a)');
const insert = db.prepare('INSERT INTO t VALUES (?)');
const acknowledged: string[] = [];
const commit = (row: string): void => {
  insert.run(row);
  acknowledged.push(row);
};

let refused: string | null = null;
let ended: { name: string; rescued: unknown } | null = null;
commit('before');
try {
  if (thread === 'worker') await inWorker();
  else await harm.strike({ file, second, require, fs, immediate, once });
} catch (error) {
  refused = error instanceof Error ? error.name : String(error);
}
if (harm.other !== undefined) {
  // What another process does now, which the locks would have kept it from.
  const script = `const D=require('better-sqlite3');const d=new D(process.argv[1],{timeout:200});${harm.other};d.close()`;
  spawnSync(process.execPath, ['-e', script, file], { stdio: 'ignore' });
}
try {
  for (let row = 0; row < 100; row++) commit(`after ${row}`);
} catch (error) {
  const { name, details } = error as Error & { details?: Record<string, unknown> };
  ended = { name, rescued: details?.['rescued'] ?? null };
}
fs.writeSync(1, `${JSON.stringify({ acknowledged, refused, ended })}\n`);
process.kill(process.pid, 'SIGKILL');

async function inWorker(): Promise<void> {
  const url = new URL('worker.mts', import.meta.url);
  const worker = new Worker(url, { workerData: { hazard, file, second, guarded: subject === 'guarded' } });
  const [[error]] = (await Promise.all([once(worker, 'message'), once(worker, 'exit')])) as [[string | null], unknown];
  if (error !== null) throw Object.assign(new Error(error), { name: error });
}
