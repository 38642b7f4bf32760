import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import Database, {
  ClosedDatabaseError,
  closeAllDatabases,
  InstanceConflictError,
  openDatabase,
  OrphanedJournalError,
} from 'safe-sqlite';
import { registeredFiles } from '../../dist/registry/registry.js';
import { noLinks } from '../support/links.mts';

const quiet = { logger: false } as const;

describe('openDatabase', () => {
  const folder = mkdtempSync(join(tmpdir(), 'open-'));
  let count = 0;
  const path = (): string => join(folder, `${(count += 1)}.db`);
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('gives handles on one connection, whatever path names the file', { skip: noLinks }, () => {
    const file = path();
    const link = path();
    mkdirSync(join(folder, 'sub'), { recursive: true });
    const one = openDatabase(file, quiet);
    symlinkSync(file, link);
    const two = openDatabase(link, quiet);
    const three = openDatabase(join(folder, 'sub', '..', file.slice(folder.length + 1)), quiet);
    one.exec('CREATE TEMP TABLE only_here (a)');
    for (const other of [two, three]) {
      assert.notEqual(other, one);
      assert.ok(other instanceof Database);
      assert.deepEqual(other.prepare('SELECT * FROM only_here').all(), []);
      assert.equal(other.events, other.events);
      assert.notEqual(other.events, one.events, 'listeners belong to a handle');
      assert.equal(other.plan, one.plan);
    }
    one.close();
    assert.equal(one.open, false);
    assert.throws(() => one.exec('SELECT 1'), ClosedDatabaseError);
    assert.deepEqual(two.prepare('SELECT * FROM only_here').all(), []);
    two.close();
    three.close();
    assert.equal(existsSync(`${file}-wal`), false, 'the connection closed with its last handle');
    const again = openDatabase(file, quiet);
    assert.throws(() => again.prepare('SELECT * FROM only_here'), /no such table/);
    again.close();
  });

  test('names each setting that contradicts, and ignores what was left open', () => {
    const file = path();
    const one = openDatabase(file, { ...quiet, timeout: 100, checkpoint: { walBytes: 8192 } });
    openDatabase(file).close();
    openDatabase(file, { timeout: 100, checkpoint: { walBytes: 8192 } }).close();
    assert.throws(
      () => openDatabase(file, { timeout: 200, checkpoint: { walBytes: 4096 }, durability: 'full' }),
      (error: unknown) => {
        assert.ok(error instanceof InstanceConflictError);
        assert.deepEqual(error.details['differences'], ['timeout', 'checkpoint.walBytes']);
        return true;
      },
    );
    one.close();
  });

  test('new Database() beside it is a connection of its own', () => {
    const file = path();
    const shared = openDatabase(file, quiet);
    const own = new Database(file, { ...quiet, timeout: 0 });
    shared.exec('CREATE TEMP TABLE only_here (a)');
    assert.throws(() => own.prepare('SELECT * FROM only_here'), /no such table/);
    own.close();
    shared.close();
  });

  test('each handle has its own safe integers', () => {
    const file = path();
    const one = openDatabase(file, quiet);
    const two = openDatabase(file, quiet);
    one.defaultSafeIntegers();
    assert.equal(one.prepare('SELECT 1').pluck().get(), 1n);
    assert.equal(two.prepare('SELECT 1').pluck().get(), 1);
    one.close();
    two.close();
  });

  test('databases without a file are not shared', () => {
    const one = openDatabase(':memory:', quiet);
    const two = openDatabase(':memory:', quiet);
    one.exec('CREATE TABLE t (a)');
    assert.throws(() => two.prepare('SELECT * FROM t'), /no such table/);
    one.close();
    two.close();
  });

  for (const begin of ['BEGIN', 'SAVEPOINT s']) {
    for (const way of ['exec', 'prepare'] as const) {
      test(`a handle that is closed takes the transaction with it that it began (${way}: ${begin})`, async () => {
        const file = path();
        const one = openDatabase(file, quiet);
        const other = openDatabase(file, quiet);
        one.exec('CREATE TABLE t(a)');
        if (way === 'exec') one.exec(begin);
        else one.prepare(begin).run();
        one.exec("INSERT INTO t VALUES ('rolled back')");
        one.close();
        assert.equal(other.inTransaction, false);
        other.exec("INSERT INTO t VALUES ('kept')");
        await other.write(() => other.exec("INSERT INTO t VALUES ('kept, too')"));
        other.exec(begin);
        openDatabase(file, quiet).close();
        assert.equal(other.inTransaction, true, 'that of another handle stays');
        other.close();
        const raw = new Native(file);
        assert.deepEqual(raw.prepare('SELECT a FROM t').pluck().all(), ['kept', 'kept, too']);
        raw.close();
      });
    }
  }

  test('a handle that iterates, or whose write runs, is not closed, although others keep the connection open', async () => {
    const busy = { name: 'TypeError', message: /busy executing a query/ };
    const file = path();
    const db = openDatabase(file, quiet);
    const other = openDatabase(file, quiet);
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)');
    const rows = db.prepare('SELECT a FROM t').pluck().iterate();
    assert.equal(rows.next().value, 1);
    assert.throws(() => db.close(), busy);
    assert.deepEqual([...rows], [2]);
    await db.write(() => {
      assert.throws(() => db.close(), busy);
      db.exec('INSERT INTO t VALUES (3)');
    });
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 3);
    db.close();
    other.close();
  });

  test('a close runs the writes that are queued, and rejects those that a lock keeps out', async () => {
    const db = openDatabase(path(), { ...quiet, timeout: 0 });
    db.exec('CREATE TABLE t (a)');
    const stored = db.write(() => db.exec('INSERT INTO t VALUES (1)'));
    db.close();
    await stored;
    const other = new Native(db.name);
    assert.equal(other.prepare('SELECT a FROM t').pluck().get(), 1);
    const again = openDatabase(db.name, { ...quiet, timeout: 0 });
    other.exec('BEGIN IMMEDIATE');
    const kept = assert.rejects(
      again.write(() => again.exec('INSERT INTO t VALUES (2)')),
      ClosedDatabaseError,
    );
    again.close();
    await kept;
    other.close();
  });

  test('closes with `using`', () => {
    const file = path();
    const before = registeredFiles().length;
    {
      using db = openDatabase(file, quiet);
      db.exec('CREATE TABLE t (a)');
      db.attach(path(), 'other');
      assert.equal(registeredFiles().length, before + 2);
    }
    assert.equal(existsSync(`${file}-wal`), false);
    assert.equal(registeredFiles().length, before, 'other copies of SQLite may open them');
  });

  test('closeAllDatabases closes every handle of every database', () => {
    const shared = openDatabase(path(), quiet);
    const again = openDatabase(shared.name, quiet);
    const own = new Database(path(), quiet);
    const memory = new Database(':memory:', quiet);
    closeAllDatabases();
    for (const db of [shared, again, own, memory]) assert.equal(db.open, false);
    closeAllDatabases();
  });

  test('an open that fails leaves nothing open, and the file as it was', () => {
    const file = path();
    writeFileSync(file, 'no database'.repeat(100));
    for (let round = 0; round < 2; round += 1)
      assert.throws(() => openDatabase(file, quiet), { code: 'SQLITE_NOTADB' });
    assert.equal(readFileSync(file, 'utf8'), 'no database'.repeat(100));
  });

  test('a WAL without its database is left alone', () => {
    const file = path();
    writeFileSync(`${file}-wal`, 'precious');
    assert.throws(() => openDatabase(file, quiet), OrphanedJournalError);
    assert.throws(() => new Database(file, quiet), OrphanedJournalError);
    assert.equal(readFileSync(`${file}-wal`, 'utf8'), 'precious');
    assert.equal(existsSync(file), false);
  });

  test('a warning of the plan reaches a listener that is added right after opening', async () => {
    const db = openDatabase(path(), quiet);
    const codes: string[] = [];
    db.events.on('warning', event => codes.push(event.code));
    await Promise.resolve();
    assert.deepEqual(
      codes,
      db.plan.warnings.map(warning => warning.code),
    );
    db.close();
  });
});
