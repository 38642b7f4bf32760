/** One checkpoint on a connection: what it copies, and when it counts as complete. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import { checkpoint } from '../../../dist/maintenance/jobs/checkpoint.js';

/** A database of two pages in its WAL, and a second connection to it. */
function connections(t: TestContext): readonly [Native.Database, Native.Database] {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-checkpoint-'));
  const open = (): Native.Database => {
    const db = new Native(join(folder, 'a.db'), { timeout: 0 });
    db.pragma('journal_mode = WAL');
    db.pragma('wal_autocheckpoint = 0');
    return db;
  };
  const both = [open(), open()] as const;
  both[0].exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  t.after(() => {
    for (const db of both) db.close();
    rmSync(folder, { recursive: true });
  });
  return both;
}

test('what a reader kept from being copied is missing, though SQLite answers busy=0', t => {
  const [db, reader] = connections(t);
  reader.exec('BEGIN');
  reader.prepare('SELECT * FROM t').all();
  db.exec('INSERT INTO t VALUES (2)');
  const { complete, busy, checkpointedFrames, walFrames } = checkpoint(db, { mode: 'passive' });
  assert.deepEqual({ complete, busy }, { complete: false, busy: false });
  assert.ok(checkpointedFrames < walFrames);
  reader.exec('COMMIT');
  assert.equal(checkpoint(db, { mode: 'passive' }).complete, true);
});

test('a WAL that a lock kept from being emptied is not complete, though every frame was copied', t => {
  const [db, writer] = connections(t);
  writer.exec('BEGIN IMMEDIATE');
  const { complete, busy, checkpointedFrames, walFrames } = checkpoint(db, { mode: 'truncate' });
  assert.deepEqual({ complete, busy }, { complete: false, busy: true });
  assert.equal(checkpointedFrames, walFrames);
  writer.exec('COMMIT');
  assert.deepEqual(checkpoint(db, { mode: 'truncate' }).walBytes, 0);
});

test('copies the file of the schema that was asked for, and no other', t => {
  const [db] = connections(t);
  const attached = `${db.name}-attached`;
  db.exec(`ATTACH '${attached}' AS "a b"; PRAGMA "a b".journal_mode = WAL; CREATE TABLE "a b".t(a)`);
  const copied = checkpoint(db, { mode: 'truncate' }, { schema: 'a b', file: attached });
  assert.deepEqual([copied.complete, copied.walBytes], [true, 0]);
  const main = checkpoint(db, { mode: 'passive' });
  assert.ok(main.walFrames > 0, 'its WAL was left');
});
