/** db.checkpoint(): its results, and every state of a database in which it is called. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import {
  ClosedDatabaseError,
  Database,
  InvalidOptionError,
  SqliteLockedError,
  SqliteReadonlyError,
  type CheckpointMode,
  type Options,
} from 'safe-sqlite';

const quiet = { logger: false, checkpoint: 'off' } as const;

function open(t: TestContext, options: Options = {}): Database {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  const db = new Database(join(folder, 'a.db'), { ...quiet, ...options });
  t.after(() => {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  db.exec('CREATE TABLE t(a)');
  return db;
}

const nothing = { complete: true, busy: false, walFrames: 0, checkpointedFrames: 0, walBytes: 0 };

describe('db.checkpoint()', () => {
  test('copies the WAL', async t => {
    const db = open(t);
    db.exec('INSERT INTO t VALUES (1)');
    const { durationMs, ...result } = await db.checkpoint();
    const { size } = statSync(`${db.name}-wal`);
    assert.deepEqual(result, {
      mode: 'passive',
      complete: true,
      busy: false,
      walFrames: 3,
      checkpointedFrames: 3,
      walBytes: size,
    });
    assert.ok(durationMs > 0);
  });

  test("'truncate' empties the file too", async t => {
    const db = open(t);
    const { durationMs, ...result } = await db.checkpoint('truncate');
    assert.ok(durationMs > 0);
    assert.deepEqual(result, { mode: 'truncate', ...nothing });
    assert.equal(statSync(`${db.name}-wal`).size, 0);
  });

  test('waits for no reader, and says that it was not complete', async t => {
    const db = open(t);
    const reader = new Native(db.name);
    t.after(() => reader.close());
    reader.exec('BEGIN; SELECT * FROM t');
    reader.prepare('SELECT * FROM t').all();
    db.exec('INSERT INTO t VALUES (1)');
    const passive = await db.checkpoint();
    assert.equal(passive.complete, false);
    assert.equal(passive.busy, false);
    assert.ok(passive.checkpointedFrames < passive.walFrames);
    const truncate = await db.checkpoint('truncate');
    assert.equal(truncate.mode, 'truncate');
    assert.equal(truncate.complete, false);
    reader.exec('ROLLBACK');
    assert.equal((await db.checkpoint('truncate')).complete, true);
  });

  test("'truncate' is tried again when it meets a lock that goes away", async t => {
    const db = open(t);
    const writer = new Native(db.name);
    t.after(() => writer.close());
    writer.exec('BEGIN IMMEDIATE');
    // The copy, which needs no lock, comes first.
    db.events.once('checkpoint', () => setTimeout(() => writer.exec('ROLLBACK'), 50));
    const { complete, busy } = await db.checkpoint('truncate');
    assert.deepEqual(
      { complete, busy, size: statSync(`${db.name}-wal`).size },
      { complete: true, busy: false, size: 0 },
    );
  });

  test('several calls run one after the other', async t => {
    const db = open(t);
    db.exec('INSERT INTO t VALUES (1)');
    const results = await Promise.all([db.checkpoint(), db.checkpoint('truncate'), db.checkpoint()]);
    assert.deepEqual(
      results.map(({ mode, complete }) => [mode, complete]),
      [
        ['passive', true],
        ['truncate', true],
        ['passive', true],
      ],
    );
  });

  test('a database without a WAL has nothing to copy', async t => {
    const memory = new Database(':memory:', quiet);
    const rollback = open(t, { journalMode: 'rollback' });
    for (const db of [memory, rollback]) {
      const { durationMs, ...result } = await db.checkpoint();
      assert.equal(durationMs, 0);
      assert.deepEqual(result, { mode: 'passive', ...nothing });
    }
    memory.close();
  });

  test('rejects where it cannot run', async t => {
    const db = open(t);
    await assert.rejects(db.checkpoint('full' as CheckpointMode), InvalidOptionError);
    db.exec('BEGIN');
    await assert.rejects(db.checkpoint(), (error: Error) => {
      assert.ok(error instanceof SqliteLockedError);
      assert.equal(error.code, 'SQLITE_LOCKED');
      assert.match(error.hint, /Commit or roll back/);
      return true;
    });
    db.exec('ROLLBACK');
    const reader = new Database(db.name, { ...quiet, readonly: true });
    await assert.rejects(reader.checkpoint(), SqliteReadonlyError);
    reader.close();
    await assert.rejects(reader.checkpoint(), ClosedDatabaseError);
  });

  test('beside an open iterator: it copies what it can', async t => {
    const db = open(t);
    db.exec('INSERT INTO t VALUES (1), (2)');
    const rows = db.prepare('SELECT * FROM t').iterate();
    rows.next();
    assert.equal((await db.checkpoint()).complete, true);
    rows.return?.();
  });

  test("in the calling thread with `thread: 'main'`", async t => {
    const db = open(t, { checkpoint: { thread: 'main' } });
    assert.equal((await db.checkpoint('truncate')).complete, true);
  });

  test('one that close() took back is no failure, also when the file is open again at once', async t => {
    const large = open(t);
    large.exec('INSERT INTO t VALUES (zeroblob(50000000))');
    const before = open(t);
    const reader = new Database(before.name, { ...quiet, readonly: true });
    const failures: unknown[] = [];
    reader.events.on('checkpointFailed', event => failures.push(event));
    // It waits in the thread behind the other one.
    const [ahead, behind] = [large.checkpoint(), before.checkpoint()];
    await new Promise(resolve => setImmediate(resolve));
    before.close();
    const after = new Database(before.name, quiet);
    await assert.rejects(behind, ClosedDatabaseError);
    await ahead;
    assert.deepEqual(failures, []);
    assert.equal(after.health().checkpoints?.failed, null);
    after.close();
    reader.close();
  });
});
