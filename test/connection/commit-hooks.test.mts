import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Database } from 'safe-sqlite';
import { openOwn } from '../../dist/open/open.js';

test('the check before a commit runs once for each commit, and for nothing else', async () => {
  const opened = openOwn(':memory:', { logger: false, writes: { maxBatchMs: 60_000 } });
  const db = new Database(opened as unknown as string);
  db.exec('CREATE TABLE t (x)');
  let checks = 0;
  opened.connection.commitHooks.beforeCommit(() => (checks += 1));
  const during = (work: () => unknown): number => {
    checks = 0;
    work();
    return checks;
  };
  const insert = db.prepare('INSERT INTO t VALUES (1)');
  const insertTen = (): void => {
    for (let row = 0; row < 10; row += 1) insert.run();
  };
  assert.equal(
    during(() => insert.run()),
    1,
  );
  assert.equal(
    during(() => db.prepare('SELECT * FROM t').all()),
    0,
  );
  assert.equal(during(db.transaction(insertTen)), 1);
  const commit = db.prepare('COMMIT');
  db.exec('BEGIN');
  assert.equal(during(insertTen), 0);
  assert.equal(
    during(() => commit.run()),
    1,
  );
  db.exec('SAVEPOINT s');
  assert.equal(during(insertTen), 0);
  assert.equal(
    during(() => db.prepare('RELEASE s').run()),
    1,
  );
  assert.equal(during(db.transaction(() => db.prepare('SELECT * FROM t').all())), 0, 'it had nothing to commit');
  db.prepare('/* by hand */ BEGIN IMMEDIATE').run();
  assert.equal(during(insertTen), 0);
  assert.throws(() => db.exec('INSERT OR ROLLBACK INTO t (no_such_column) VALUES (1)'));
  assert.equal(
    during(() => db.exec('END')),
    1,
  );
  db.exec('CREATE TABLE u (x UNIQUE); INSERT INTO u VALUES (1)');
  db.exec('BEGIN');
  assert.throws(() => db.prepare('INSERT OR ROLLBACK INTO u VALUES (1)').run());
  assert.equal(db.inTransaction, false, 'the failure ended the transaction');
  assert.equal(
    during(() => insert.run()),
    1,
    'and the commitHooks knows',
  );
  for (const [pragma, expected] of [
    ['user_version = 7', 1],
    ['application_id(7)', 1],
    ['incremental_vacuum', 1],
    ['optimize', 1],
    ['user_version', 0],
    ['journal_mode', 0],
  ] as const) {
    assert.equal(
      during(() => db.pragma(pragma)),
      expected,
      pragma,
    );
  }
  checks = 0;
  db.transaction(() => db.pragma('user_version = 8'))();
  assert.ok(checks > 0, 'a transaction that wrote by a PRAGMA alone');
  checks = 0;
  await Promise.all([db.write(insertTen), db.write(insertTen)]);
  const { batches, committed } = opened.writes.facts();
  assert.deepEqual({ checks, batches, committed }, { checks: 1, batches: 1, committed: 2 });
  db.close();
});

test('the listener, which asks SQLite about the WAL, is not called once the check of the files throws', () => {
  const opened = openOwn(':memory:', { logger: false });
  const db = new Database(opened as unknown as string);
  const { commitHooks } = opened.connection;
  let asked = 0;
  commitHooks.onCommit(() => (asked += 1));
  db.exec('CREATE TABLE t (x)');
  const before = asked;
  commitHooks.beforeCommit(() => {
    throw new Error('the files are lost');
  });
  assert.throws(() => db.prepare('INSERT INTO t VALUES (1)').run(), /the files are lost/);
  assert.throws(() => db.exec('INSERT INTO t VALUES (1)'), /the files are lost/);
  assert.deepEqual([before, asked], [1, 1]);
  commitHooks.beforeCommit(null);
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 0);
  db.close();
});

test('the number of ended transactions tells an open one from its predecessor', () => {
  const opened = openOwn(':memory:', { logger: false });
  const db = new Database(opened as unknown as string);
  const { commitHooks } = opened.connection;
  const counts = [commitHooks.ended];
  for (const work of [() => db.exec('BEGIN'), () => db.exec('ROLLBACK'), db.transaction(() => {})]) {
    work();
    counts.push(commitHooks.ended);
  }
  const [before = NaN] = counts;
  assert.deepEqual(counts, [before, before, before + 1, before + 2]);
  db.close();
});
