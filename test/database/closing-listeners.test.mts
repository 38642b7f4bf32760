/** Listeners that close, open and close again: they run in the middle of the library's own work, and cannot harm it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { closeAllDatabases, Database, openDatabase, type Options } from 'safe-sqlite';
import { until } from '../support/until.mts';

const linux = process.platform === 'linux' ? false : 'an open file can be deleted, and the locks are seen in /proc';
const quiet: Options = { logger: false, checkpoint: 'off', sentinel: { intervalMs: 10 } };
/** ms between two checks for a fence marker. */
const tickMs = 250;
let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  file = join(folder, 'app.db');
});
afterEach(() => {
  closeAllDatabases();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Options = quiet): Database {
  const db = new Database(file, options);
  db.exec('CREATE TABLE IF NOT EXISTS t(a)');
  return db;
}

/** Without opening it: that would take the locks away. */
function stateOf(path: string): unknown {
  const { size, mtimeNs, ino } = statSync(path, { bigint: true });
  return { size, mtimeNs, ino };
}

describe('a listener that closes', () => {
  for (const event of ['closed', 'checkpoint'] as const) {
    test(`inside of the close that told it (${event}): once is enough`, () => {
      const db = open({ logger: false });
      let closed = 0;
      db.events.on('closed', () => (closed += 1));
      db.events.on(event, () => db.close());
      db.close();
      assert.equal(closed, 1);
      assert.equal(db.open, false);
      assert.equal(existsSync(`${file}-wal`), false);
    });
  }

  test('and opens the shared connection again gets a new one', () => {
    const db = openDatabase(file, { logger: false });
    db.exec('CREATE TABLE t(a)');
    let again: Database | undefined;
    db.events.on('checkpoint', () => (again ??= openDatabase(file, { logger: false })));
    db.close();
    again?.exec('INSERT INTO t VALUES (1)');
    assert.equal(again?.prepare('SELECT count(*) FROM t').pluck().get(), 1);
  });

  for (const event of ['fileReplaced', 'fenced'] as const) {
    test(
      `a connection whose -wal was deleted (${event}): nothing is written into the database`,
      { skip: linux },
      async () => {
        const db = open();
        await db.checkpoint();
        db.exec('INSERT INTO t VALUES (1)');
        const before = stateOf(file);
        db.events.on(event, () => db.close());
        unlinkSync(`${file}-wal`);
        await until(() => !db.open, 'it is closed');
        assert.deepEqual(stateOf(file), before);
      },
    );
  }

  test('every connection of a file that was fenced: none of them checkpoints', async () => {
    const [first, second] = [open(), open()];
    first.exec('INSERT INTO t VALUES (1)');
    const before = [file, `${file}-wal`].map(path => stateOf(path));
    let fenced = 0;
    second.events.on('fenced', () => (fenced += 1));
    first.events.on('fenced', () => closeAllDatabases());
    writeFileSync(`${file}-fenced`, '');
    await until(() => !first.open && !second.open, 'both are closed');
    assert.deepEqual(
      [file, `${file}-wal`].map(path => stateOf(path)),
      before,
    );
    assert.equal(fenced, 0, 'it was closed before it was let go');
  });
});

describe('a listener that opens', () => {
  test('the fenced file for reading, to save what is there, keeps that connection', async () => {
    const db = open();
    db.exec('INSERT INTO t VALUES (1)');
    let reader: Database | undefined;
    db.events.on('fenced', () => (reader = new Database(file, { logger: false, readonly: true })));
    writeFileSync(`${file}-fenced`, '');
    await until(() => reader !== undefined, 'the listener has opened its own');
    await delay(tickMs);
    assert.equal(reader?.prepare('SELECT a FROM t').pluck().get(), 1);
    reader.close();
  });

  test('what it has just closed is not told of the same event again', async () => {
    const stays = open();
    let told = 0;
    let db = open();
    const again = (): void => {
      told += 1;
      db.events.off('checkpoint', again);
      db.close();
      db = open();
      if (told < 10) db.events.on('checkpoint', again);
    };
    db.events.on('checkpoint', again);
    await stays.checkpoint();
    assert.equal(told, 1);
    db.events.off('checkpoint', again);
  });
});

describe('a fenced file that was deleted', () => {
  test('fences no new one that got its inode', async t => {
    const old = open();
    const { ino } = statSync(file, { bigint: true });
    let fenced = false;
    old.events.on('fenced', () => (fenced = true));
    writeFileSync(`${file}-fenced`, '');
    await until(() => fenced, 'it is fenced');
    old.close();
    for (const suffix of ['', '-wal', '-shm', '-fenced']) rmSync(`${file}${suffix}`, { force: true });
    const db = open();
    if (statSync(file, { bigint: true }).ino !== ino) return t.skip('the filesystem gave it another inode');
    assert.equal((await db.checkpoint()).complete, true);
    assert.equal(db.health().status === 'fenced', false);
  });
});
