/** Tests the status of an untouched WAL: exact from a free connection, guessed beside a transaction. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Database } from 'safe-sqlite';
import { askWalStatus, isOccupied, noticeSwitch, readWalStatus, WalView } from '../../dist/checkpoint/wal-status.js';
import type { FileUser } from '../../dist/checkpoint/file-user.js';
import { openResolved } from '../../dist/open/open.js';
import { resolveOptions } from '../../dist/options/resolve.js';

let folder = '';
let db: Database;
let user: FileUser;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  const opened = openResolved(resolveOptions(join(folder, 'a.db'), { logger: false, checkpoint: 'off' }));
  db = new Database(opened as unknown as string);
  user = {
    connection: opened.connection,
    schema: 'main',
    checkpoints: true,
    reads: () => [],
    entersWal() {},
    beforeCheckpoint: () => null,
  };
  db.exec('CREATE TABLE t(a)');
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

const frame = 4096 + 24;
const read = (since = 0) => readWalStatus(db.name, [user], since);

describe('readWalStatus', () => {
  test('counts the frames since the WAL started over, also in a file that stays as large as it was', async () => {
    for (let row = 0; row < 10; row += 1) db.exec('INSERT INTO t VALUES (zeroblob(3000))');
    const { walBytes, pendingBytes, fileBytes, exact } = read();
    assert.equal(exact, true);
    assert.equal(walBytes, pendingBytes);
    assert.equal(fileBytes, walBytes + 32);
    await db.checkpoint();
    assert.deepEqual(read(), { walBytes, pendingBytes: 0, fileBytes, exact: true });
    db.exec('INSERT INTO t VALUES (1)');
    assert.equal(statSync(`${db.name}-wal`).size, fileBytes);
    assert.deepEqual(read(), { walBytes: frame, pendingBytes: frame, fileBytes, exact: true });
  });

  test('asks only SQLite where the size of the file is known, and asks nothing inside a transaction', () => {
    const { fileBytes, ...frames } = read();
    assert.deepEqual(askWalStatus([user], 2 * fileBytes), { ...frames, fileBytes: 2 * fileBytes });
    assert.deepEqual(askWalStatus([user], 0), { ...frames, fileBytes: frames.walBytes });
    db.exec('BEGIN');
    assert.equal(askWalStatus([user], fileBytes), null);
    db.exec('COMMIT');
  });

  test('knows pages of another size after a change of it', () => {
    read();
    const sqls = ['PRAGMA journal_mode = DELETE', 'PRAGMA page_size = 65536; VACUUM', 'PRAGMA journal_mode = WAL'];
    for (const sql of [...sqls, 'INSERT INTO t VALUES (1)']) db.exec(sql);
    const { walBytes, fileBytes } = read();
    assert.equal(walBytes % (65_536 + 24), 0);
    assert.equal(fileBytes, walBytes + 32);
    assert.deepEqual(askWalStatus([user], fileBytes), read());
  });

  test('guesses while every connection is in a transaction or iterates', () => {
    const { fileBytes } = read();
    db.exec('BEGIN');
    assert.equal(isOccupied(user), true);
    assert.deepEqual(read(), { walBytes: fileBytes, pendingBytes: fileBytes, fileBytes, exact: false });
    assert.equal(read(Date.now()).pendingBytes, 0);
    assert.equal(read(Date.now() + 60_000).pendingBytes, fileBytes, 'the clock was set back since then');
    db.exec('COMMIT; INSERT INTO t VALUES (1), (2)');
    const rows = db.prepare('SELECT * FROM t').iterate();
    rows.next();
    assert.equal(isOccupied(user), true);
    assert.equal(read().exact, false);
    rows.return?.();
    assert.equal(read().exact, true);
  });

  test('asks nothing of a closed connection, and of a file that is not there', () => {
    assert.deepEqual(readWalStatus(join(folder, 'none.db'), [user], 0), {
      walBytes: 0,
      pendingBytes: 0,
      fileBytes: 0,
      exact: true,
    });
    db.close();
    assert.equal(isOccupied(user), true);
  });

  test('is unseen by `verbose` and by safe integers', () => {
    const seen: unknown[] = [];
    const opened = openResolved(
      resolveOptions(join(folder, 'b.db'), { logger: false, verbose: (sql: unknown) => seen.push(sql) }),
    );
    const own = new Database(opened as unknown as string);
    own.exec('CREATE TABLE t(a)');
    own.defaultSafeIntegers();
    own.prepare('SELECT 1').get();
    const before = seen.length;
    const state = readWalStatus(
      own.name,
      [
        {
          connection: opened.connection,
          schema: 'main',
          checkpoints: true,
          reads: () => [],
          entersWal() {},
          beforeCheckpoint: () => null,
        },
      ],
      0,
    );
    assert.equal(typeof state.walBytes, 'number');
    assert.equal(seen.length, before);
    own.close();
  });
});

describe('WalView', () => {
  test('sees that the WAL has started over, also where it is the larger one since', async () => {
    const view = new WalView(db.name, new Set([user]));
    view.count();
    assert.equal(view.ask().walBytes > 0, true);
    await db.checkpoint();
    view.look();
    assert.deepEqual([view.restarts, view.commits], [0, 1]);
    db.exec('INSERT INTO t VALUES (zeroblob(50000))');
    view.ask();
    assert.deepEqual([view.restarts, view.commits], [1, 0]);
    db.exec('INSERT INTO t VALUES (1)');
    view.ask();
    assert.equal(view.restarts, 1);
  });
});

test('a WAL whose timestamp is of this moment is asked again: a later write may have the same one', async () => {
  for (let row = 0; row < 10; row += 1) db.exec('INSERT INTO t VALUES (zeroblob(3000))');
  await db.checkpoint();
  const wal = `${db.name}-wal`;
  const view = new WalView(db.name, new Set([user]));
  const soon = new Date(Date.now() + 60_000);
  const seen = [1, 2].map(value => {
    db.prepare('INSERT INTO t VALUES (?)').run(value);
    // As a clock that ticks between none of these writes gives it.
    utimesSync(wal, soon, soon);
    return view.look().walBytes;
  });
  assert.deepEqual(seen, [frame, 2 * frame]);
});

test('a connection that can write takes over the checkpoints of a file that is found in WAL mode, a read-only one never', () => {
  const opened = openResolved(resolveOptions(db.name, { logger: false, readonly: true, checkpoint: 'off' }));
  const reader = new Database(opened as unknown as string);
  const entered: string[] = [];
  const unaware = (name: string, { connection }: Pick<FileUser, 'connection'>): FileUser => ({
    ...user,
    connection,
    checkpoints: false,
    entersWal: () => void entered.push(name),
  });
  assert.equal(noticeSwitch(db.name, [unaware('reader', opened)]), false);
  assert.equal(noticeSwitch(db.name, [unaware('reader', opened), unaware('writer', user)]), true);
  assert.deepEqual(entered, ['writer']);
  reader.close();
});
