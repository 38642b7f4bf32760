/** Connection.abandon: closes without a checkpoint, or changes nothing. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Database } from 'safe-sqlite';
import { openOwn } from '../../dist/open/open.js';

function opened(t: TestContext) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-abandon-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const own = openOwn(join(folder, 'a.db'), { logger: false, checkpoint: 'off' });
  const db = new Database(own as unknown as string);
  db.exec('CREATE TABLE t(a)');
  return { db, connection: own.connection, wal: `${db.name}-wal` };
}

test('leaves the WAL as it is', t => {
  const { db, connection, wal } = opened(t);
  assert.equal(connection.abandon([{ file: db.name, identity: null }]), null);
  assert.equal(connection.native.open, false);
  connection.releaseHolds();
  assert.equal(existsSync(wal), true);
  // The rest of a close that failed after this: nothing is missed, and nothing is checkpointed.
  const told: unknown[] = [];
  db.events.on('locksLost', event => void told.push(event));
  db.close();
  assert.equal(existsSync(wal), true);
  assert.deepEqual([db.open, told], [false, []]);
});

test('closes nothing where no other connection can keep SQLite from its checkpoint', t => {
  const { db, connection, wal } = opened(t);
  assert.match(String(connection.abandon([{ file: `${db.name}-gone`, identity: null }])), /No read-only connection/);
  assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 0);
  db.close();
  assert.equal(existsSync(wal), false);
});

test('keeps no connection of its own when a running statement is in its way', t => {
  const { db, connection, wal } = opened(t);
  let obstacle: Error | null = null;
  db.function('abandon', () => {
    obstacle = connection.abandon([{ file: db.name, identity: null }]);
    return 1;
  });
  db.prepare('SELECT abandon()').get();
  assert.match(String(obstacle), /busy/);
  db.close();
  assert.equal(existsSync(wal), false, 'it was the last connection, which takes the WAL away');
});
