/** Tests that lost locks are back, and nothing is lost, when every connection is closed and the database is opened again. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { closeAllDatabases, Database, LocksLostError, openDatabase, type Options } from 'safe-sqlite';

const folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-again-')));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const options: Options = { logger: false, processGuard: 'off', checkpoint: 'off' };
let count = 0;
const fresh = (): string => join(folder, `${(count += 1)}.db`);

/** Without the guard, the mistake of an application. */
function loseLocks(file: string): void {
  fs.readFileSync(file);
  fs.readFileSync(`${file}-shm`);
}

const sqlite = JSON.stringify(join(import.meta.dirname, '../../node_modules/better-sqlite3'));

/** Runs raw better-sqlite3 on the file in another process. */
function elsewhere(file: string, script: string): string {
  const code = `const db = require(${sqlite})(process.argv[1], { timeout: 0 }); ${script}`;
  const done = spawnSync(process.execPath, ['-e', code, file], { encoding: 'utf8' });
  assert.ok(done.status === 0 || done.signal === 'SIGKILL', done.stderr);
  return done.stdout;
}

/** Proves the locks of this process where they count: another process that closes last would delete the `-wal`. */
function assertLocked(file: string): void {
  elsewhere(file, "db.prepare('SELECT count(*) FROM t').get(); db.close();");
  assert.ok(fs.existsSync(`${file}-wal`), 'the other process was not the last');
}

function assertWhole(file: string, rows: readonly number[]): void {
  const db = new Native(file, { readonly: true });
  assert.deepEqual(db.prepare('SELECT a FROM t ORDER BY a').pluck().all(), rows);
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  db.close();
}

function make(file: string): Database {
  const db = new Database(file, options);
  db.exec('CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)');
  return db;
}

describe('lost locks', { skip: linux }, () => {
  test('the hazard: raw better-sqlite3 goes on without locks, and another process deletes its live -wal', () => {
    const file = fresh();
    const db = new Native(file);
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    loseLocks(file);
    elsewhere(file, "db.exec('INSERT INTO t VALUES (2)'); db.close();");
    assert.equal(fs.existsSync(`${file}-wal`), false);
    db.exec('INSERT INTO t VALUES (3)');
    assert.equal(elsewhere(file, "console.log(db.prepare('SELECT count(*) FROM t').pluck().get())"), '2\n');
    db.close();
  });

  test('nothing that a raw connection does while it stays open brings both locks back, but for a journal switch', () => {
    const acts: Record<string, (db: Native.Database) => void> = {
      'a read and a write': db => void db.exec('SELECT * FROM t; INSERT INTO t VALUES (2)'),
      'a checkpoint': db => void db.pragma('wal_checkpoint(TRUNCATE)'),
      'another connection': db => void new Native(db.name).prepare('SELECT * FROM t').all(),
      'EXCLUSIVE and back': db =>
        void db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; ROLLBACK; PRAGMA locking_mode = NORMAL'),
    };
    for (const [name, act] of Object.entries(acts)) {
      const file = fresh();
      const db = new Native(file);
      db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
      loseLocks(file);
      act(db);
      db.prepare('SELECT * FROM t').all();
      assert.equal(locksOn(`${file}-shm`), 0, name);
      db.close();
    }
  });

  test('are back after close() and a new open, and nothing is lost', () => {
    const file = fresh();
    let db = make(file);
    loseLocks(file);
    const error = lossOf(() => db.exec('INSERT INTO t VALUES (2)'));
    assert.match(error.hint, /close every connection of this process.*open it again/i);
    db.close();
    assert.ok(fs.statSync(`${file}-wal`).size > 0, 'its close has not checkpointed');
    db = make(file);
    assertLocked(file);
    assert.equal(db.health().sentinel?.locks, 'watched');
    db.exec('INSERT INTO t VALUES (3)');
    db.close();
    assertWhole(file, [1, 1, 3]);
  });

  test('by closeAllDatabases(), for several connections and shared handles', () => {
    const file = fresh();
    const own = make(file);
    const shared = [openDatabase(file, options), openDatabase(file, options)];
    shared[0]?.prepare('SELECT * FROM t').all();
    loseLocks(file);
    lossOf(() => own.exec('INSERT INTO t VALUES (2)'));
    // One that is opened beside the others has no locks either, and cannot commit.
    const beside = new Database(file, options);
    lossOf(() => beside.exec('INSERT INTO t VALUES (2)'));
    closeAllDatabases();
    const db = openDatabase(file, options);
    assertLocked(file);
    db.exec('INSERT INTO t VALUES (3)');
    db.close();
    assertWhole(file, [1, 3]);
  });

  test('while another process has the database open, and commits in the gap', async () => {
    const file = fresh();
    let db = make(file);
    const script = `const db = require(${sqlite})(process.argv[1]); db.exec('SELECT * FROM t');
      process.stdout.write('open'); process.stdin.once('data', () => { db.exec('INSERT INTO t VALUES (7)'); process.stdout.write('done'); });
      process.stdin.on('end', () => db.close());`;
    const other = spawn(process.execPath, ['-e', script, file], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    loseLocks(file);
    other.stdin.write('now');
    await once(other.stdout, 'data');
    lossOf(() => db.exec('INSERT INTO t VALUES (2)'));
    db.close();
    db = make(file);
    db.exec('INSERT INTO t VALUES (3)');
    other.stdin.end();
    await once(other, 'exit');
    assert.ok(fs.existsSync(`${file}-wal`), 'the other process was not the last');
    db.close();
    assertWhole(file, [1, 1, 3, 7]);
  });

  test('after another process came in the gap, built the WAL index anew and was killed', () => {
    const file = fresh();
    let db = make(file);
    loseLocks(file);
    elsewhere(file, "db.exec('INSERT INTO t VALUES (7)'); process.kill(process.pid, 'SIGKILL');");
    lossOf(() => db.exec('INSERT INTO t VALUES (2)'));
    db.close();
    db = make(file);
    assertLocked(file);
    db.close();
    assertWhole(file, [1, 1, 7]);
  });

  test('when the connections of other threads are closed too', async t => {
    const file = fresh();
    let db = make(file);
    const code = `const { parentPort, workerData } = require('node:worker_threads');
      const { Database } = require('safe-sqlite');
      const db = new Database(workerData.file, workerData.options);
      db.prepare('SELECT * FROM t').all();
      parentPort.on('message', () => { try { db.exec('INSERT INTO t VALUES (8)'); } catch (error) { parentPort.postMessage(error.code); } db.close(); parentPort.close(); });
      parentPort.postMessage('open');`;
    const worker = new Worker(code, { eval: true, workerData: { file, options } });
    t.after(() => worker.terminate());
    await once(worker, 'message');
    loseLocks(file);
    lossOf(() => db.exec('INSERT INTO t VALUES (2)'));
    db.close();
    db = new Database(file, options);
    lossOf(() => db.exec('INSERT INTO t VALUES (2)'));
    db.close();
    // Both may come in one turn.
    const exited = once(worker, 'exit');
    worker.postMessage('close');
    assert.deepEqual(await once(worker, 'message'), ['SAFE_SQLITE_LOCKS_LOST']);
    await exited;
    db = make(file);
    assertLocked(file);
    db.close();
    assertWhole(file, [1, 1]);
  });

  test('with a rollback journal, where the transaction ends and the next connection has its own locks', () => {
    const file = fresh();
    const rollback: Options = { ...options, journalMode: 'rollback' };
    let db = new Database(file, rollback);
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (2)');
    fs.readFileSync(file);
    lossOf(() => db.exec('COMMIT'));
    db.close();
    db = new Database(file, rollback);
    db.exec('INSERT INTO t VALUES (3)');
    db.close();
    assertWhole(file, [1, 3]);
  });
});

function lossOf(call: () => unknown): LocksLostError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof LocksLostError, String(error));
    return error;
  }
  return assert.fail('it did not throw');
}

/** POSIX locks that this process has on the file, as the kernel shows them. */
function locksOn(file: string): number {
  let locks = 0;
  for (const fd of fs.readdirSync('/proc/self/fd')) {
    try {
      if (fs.readlinkSync(`/proc/self/fd/${fd}`) !== file) continue;
      locks += fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^lock:/gm)?.length ?? 0;
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return locks;
}
