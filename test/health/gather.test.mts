import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { acceptedGround } from '../support/accepted-ground.mts';
import Database, { ClosedDatabaseError, openDatabase } from 'safe-sqlite';

describe('db.health', () => {
  const folder = mkdtempSync(join(tmpdir(), 'health-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('has the facts of every service, and can be sent as JSON', async () => {
    const file = join(folder, 'a.db');
    const db = openDatabase(file, {
      logger: false,
      dangerously: acceptedGround,
      backup: { directory: join(folder, 'backups') },
    });
    db.exec('CREATE TABLE t (a)');
    await db.write(() => db.exec('INSERT INTO t VALUES (1)'));
    const health = db.health();
    assert.equal(health.status, 'ok');
    assert.deepEqual([health.reasons, health.next], [[], null]);
    assert.equal(health.file, file);
    assert.equal(health.journalMode, 'wal');
    assert.equal(health.writes.committed, 1);
    assert.ok((health.checkpoints?.walBytes ?? 0) > 0);
    assert.equal(health.checkpoints?.owner, 'self');
    assert.equal(health.filesystem?.type, db.plan.filesystem?.type);
    // A drive of which Windows tells nothing is not asked: it may not answer.
    if (health.filesystem?.class === 'unknown') assert.equal(health.space, null);
    else assert.ok((health.space?.freeBytes ?? 0) > 0);
    assert.deepEqual(health.warnings, db.plan.warnings);
    assert.equal(health.backups?.failures, 0);
    assert.equal((JSON.parse(JSON.stringify(health)) as typeof health).status, 'ok');
    const text = db.metrics('notes');
    assert.match(text, /^safe_sqlite_up\{database="notes"\} 1$/m);
    assert.match(text, /^safe_sqlite_writes_committed_total\{database="notes"\} 1$/m);
    assert.match(text, /^safe_sqlite_writes_queued\{database="notes",priority="low"\} 0$/m);
    assert.match(text, /^safe_sqlite_commit_seconds_bucket\{database="notes",le="\+Inf"\} 1$/m);
    db.close();
    assert.throws(() => db.health(), ClosedDatabaseError);
  });

  test('answers inside a transaction, with an open iterator, and without a file', () => {
    const db = new Database(join(folder, 'b.db'), {
      logger: false,
      dangerously: acceptedGround,
      sentinel: 'off',
      checkpoint: 'off',
    });
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    const rows = db.prepare('SELECT * FROM t').iterate();
    rows.next();
    assert.equal(db.health().status, 'ok');
    rows.return?.();
    db.transaction(() => assert.equal(db.health().checkpoints?.owner, 'off'))();
    assert.equal(db.health().sentinel?.locks, 'off');
    db.close();
    const memory = new Database(':memory:');
    const { file, checkpoints, sentinel, journalMode } = memory.health();
    assert.deepEqual([file, checkpoints, sentinel, journalMode], [null, null, null, 'memory']);
    memory.close();
  });
});
