/** Tests that opening a file puts the process guard on, in each thread, and how it is kept off. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-guard-default-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Opens a database, reads it with `fs`, and says what came of both: the code of the read, and rows after a write. */
const program = `
  const fs = require('node:fs');
  const { workerData } = require('node:worker_threads');
  const [name, file, options] = workerData ?? process.argv.slice(1);
  const db = require(name)(file, JSON.parse(options));
  db.exec('CREATE TABLE IF NOT EXISTS t (a)');
  let read = 'read';
  try { fs.readFileSync(file); } catch (error) { read = error.code; }
  let write = 'written';
  try { db.exec('INSERT INTO t VALUES (1)'); } catch (error) { write = error.code; }
  console.log(JSON.stringify([read, write]));
  process.exitCode = 0;
  try { db.close(); } catch {}
`;
const inWorker = `
  const { Worker } = require('node:worker_threads');
  new Worker(${JSON.stringify(program)}, { eval: true, workerData: process.argv.slice(1) });
`;

let count = 0;
function outcome(name: string, options: object, env: NodeJS.ProcessEnv = {}, script = program): unknown {
  const args = ['-e', script, name, join(folder, `${(count += 1)}.db`), JSON.stringify({ logger: false, ...options })];
  const { SAFE_SQLITE_PROCESS_GUARD: _, ...inherited } = process.env;
  const done = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', env: { ...inherited, ...env } });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout);
}

const refused = ['SAFE_SQLITE_COPY_CONFLICT', 'written'];
// Without the guard the read cancels the locks, and the sentinel ends the connection. It sees locks on Linux only.
const locksLost = ['read', process.platform === 'linux' ? 'SAFE_SQLITE_LOCKS_LOST' : 'written'];

test('better-sqlite3 reads the file and loses its locks without a word', () => {
  assert.deepEqual(outcome('better-sqlite3', {}), ['read', 'written']);
});

test('the call fails alone, and the database goes on', () => {
  assert.deepEqual(outcome('safe-sqlite', {}), refused);
});

test('also in a worker thread', () => {
  assert.deepEqual(outcome('safe-sqlite', {}, {}, inWorker), refused);
});

test("processGuard: 'off' and the environment variable keep it off", () => {
  assert.deepEqual(outcome('safe-sqlite', { processGuard: 'off' }), locksLost);
  assert.deepEqual(outcome('safe-sqlite', {}, { SAFE_SQLITE_PROCESS_GUARD: 'off' }), locksLost);
});

test('a runner that forbids module hooks, or an fs that cannot be changed, keeps no database from opening', () => {
  // As Jest does it since 30.5.
  const hooksForbidden = `require('node:module').registerHooks = () => { throw new TypeError('not supported'); }; ${program}`;
  assert.deepEqual(outcome('safe-sqlite', {}, {}, hooksForbidden), refused);
  const frozen = `
    const original = require('node:fs');
    Object.defineProperty(original, 'truncateSync', { get() { throw new Error('frozen'); } });
    const db = require('safe-sqlite')(process.argv[2], { logger: false });
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    process.on('warning', ({ code }) => {
      console.log(JSON.stringify([code, db.prepare('SELECT count(*) FROM t').pluck().get()]));
      db.close();
    });`;
  assert.deepEqual(outcome('safe-sqlite', {}, { NODE_NO_WARNINGS: '1' }, frozen), ['SAFE_SQLITE_NO_PROCESS_GUARD', 1]);
});
