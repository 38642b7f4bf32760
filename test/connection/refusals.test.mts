/** Connection.refuse: what a refused connection answers, through every handle. */
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import { ClosedDatabaseError, Database } from 'safe-sqlite';
import { openOwn } from '../../dist/open/open.js';
import { endless, untilRunning } from '../readers/fixture.mts';

function opened(t: TestContext, name = 'a.db') {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-refusals-')));
  const own = openOwn(name === ':memory:' ? name : join(folder, name), { logger: false });
  const db = new Database(own as unknown as string);
  t.after(() => {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  db.exec('CREATE TABLE t(a PRIMARY KEY)');
  return { db, own, connection: own.connection };
}

test('every call throws the first refusal, also one of a statement that was prepared before', t => {
  const { db, own, connection } = opened(t);
  const select = db.prepare('SELECT * FROM t');
  const [first, second] = [new Error('the first'), new Error('the second')];
  assert.equal(own.isShareable, true);
  connection.refuse(() => first);
  connection.refuse(() => second);
  for (const call of [
    () => select.all(),
    () => db.exec('SELECT 1'),
    () => db.prepare('SELECT 1'),
    () => db.pragma('user_version'),
  ])
    assert.throws(call, first);
  assert.equal(connection.refusal?.(), first, 'for the handles to come');
  assert.equal(own.isShareable, false, 'openDatabase must open another one');
});

test('a read of its readers that runs ends with the refusal', async t => {
  const { db, connection } = opened(t);
  const read = assert.rejects(db.reader.get(endless, [], { timeoutMs: 10_000 }), /refused/);
  await untilRunning(db);
  connection.refuse(() => new Error('refused'));
  await read;
});

test('a closed handle refuses the statements that it prepared', t => {
  const { db } = opened(t, ':memory:');
  const select = db.prepare('SELECT * FROM t');
  db.close();
  assert.throws(() => select.all(), ClosedDatabaseError);
  assert.throws(() => db.exec('SELECT 1'), ClosedDatabaseError);
});

test('an error of another database that a function throws reaches the caller as it is', t => {
  const { db } = opened(t);
  const other = new Native(':memory:');
  let thrown: unknown;
  db.function('other', () => {
    try {
      return other.exec('SELECT * FROM not_there');
    } catch (error) {
      thrown = error;
      throw error;
    }
  });
  assert.throws(
    () => db.prepare('SELECT other()').get(),
    error => error === thrown && error instanceof Native.SqliteError,
  );
  other.close();
});
