import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import Database, { UnsafeStatementError } from 'safe-sqlite';
import { openInJournalMode } from '../../dist/connection/journal.js';
import { setPragmas, verifyPragmas } from '../../dist/connection/set-pragmas.js';

const full = 2;
const extra = 3;

describe('FULL, proved', () => {
  const folder = mkdtempSync(join(tmpdir(), 'protect-'));
  let count = 0;
  const path = (): string => join(folder, `${(count += 1)}.db`);
  const open = (options: object = {}, file = path()) => new Database(file, { logger: false, ...options });
  const level = (db: { pragma: (sql: string, options: object) => unknown }, schema = 'main'): unknown =>
    db.pragma(`${schema}.synchronous`, { simple: true });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('the hazard: raw better-sqlite3 falls to NORMAL at the first use of the WAL, also where it is attached', () => {
    const db = new BetterSqlite3(path());
    db.pragma('journal_mode = WAL');
    assert.equal(level(db), full);
    db.exec('CREATE TABLE t (a)');
    assert.equal(level(db), 1);
    db.exec(`ATTACH '${path()}' AS other`);
    db.pragma('other.journal_mode = WAL');
    db.exec('CREATE TABLE other.u (a)');
    assert.equal(level(db, 'other'), 1);
    db.close();
  });

  test('holds after writes, reopening, and a file that another program made', () => {
    const file = path();
    const raw = new BetterSqlite3(file);
    raw.pragma('journal_mode = WAL');
    raw.exec('CREATE TABLE t (a)');
    raw.close();
    for (let round = 0; round < 2; round += 1) {
      const db = open({}, file);
      assert.equal(level(db), full);
      db.exec('INSERT INTO t VALUES (1)');
      db.transaction(() => db.exec('INSERT INTO t VALUES (2)'))();
      assert.equal(level(db), full);
      db.close();
    }
  });

  test('rollback mode is EXTRA', () => {
    const db = open({ journalMode: 'rollback' });
    const deletes = process.platform === 'linux';
    assert.equal(db.pragma('journal_mode', { simple: true }), deletes ? 'delete' : 'truncate');
    const wanted = deletes ? extra : full;
    assert.equal(level(db), wanted);
    db.exec('CREATE TABLE t (a)');
    assert.equal(level(db), wanted);
    db.pragma('synchronous = NORMAL');
    assert.equal(level(db), wanted);
    db.pragma('journal_mode = DELETE');
    assert.equal(db.pragma('journal_mode', { simple: true }), deletes ? 'delete' : 'truncate');
    assert.equal(level(db), wanted);
    const strict = open({ journalMode: 'rollback', weakerPragmas: 'throw' });
    assert.throws(() => strict.pragma('synchronous = NORMAL'), UnsafeStatementError);
    strict.close();
    db.close();
  });

  test('where SQLite syncs no folder, the journal is truncated; Linux keeps DELETE', () => {
    for (const [platform, mode, main, attached] of [
      ['win32', 'truncate', ['truncate', full], ['delete', extra]],
      ['darwin', 'truncate', ['truncate', full], ['truncate', full]],
      ['linux', 'delete', ['delete', extra], ['delete', extra]],
    ] as const) {
      const file = path();
      const raw = new BetterSqlite3(file);
      raw.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)');
      assert.equal(raw.pragma('journal_mode', { simple: true }), 'wal');
      raw.close();
      const native = openInJournalMode(
        { open: () => new BetterSqlite3(file), discard: failed => failed.close() },
        { mode, timeoutMs: 0 },
      );
      native.exec(`ATTACH '${path()}' AS other`);
      const inputs = { durability: 'full', fullfsync: false, platform, givenUp: new Set<string>() } as const;
      setPragmas(native, inputs);
      native.exec('CREATE TABLE other.u (a); INSERT INTO t VALUES (1)');
      verifyPragmas(native, inputs);
      for (const [schema, expected] of [
        ['main', main],
        ['other', attached],
      ] as const) {
        const seen = ['journal_mode', 'synchronous'].map(name => native.pragma(`${schema}.${name}`, { simple: true }));
        assert.deepEqual(seen, expected, `${platform}, ${schema}`);
      }
      native.close();
      // TRUNCATE leaves an empty journal, which plays nothing back.
      assert.equal(statSync(`${file}-journal`, { throwIfNoEntry: false })?.size, mode === 'truncate' ? 0 : undefined);
    }
  });

  const inputs = { durability: 'full', fullfsync: false, platform: 'linux', givenUp: new Set<string>() } as const;
  const walFile = (): string => {
    const file = path();
    const raw = new BetterSqlite3(file);
    raw.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a)');
    raw.close();
    return file;
  };

  test('a setting that SQLite ignores without an error is one', () => {
    const native = new BetterSqlite3(walFile());
    // The index of this WAL is in memory, not in `-shm`: NORMAL would need one that others see.
    native.exec('PRAGMA locking_mode = EXCLUSIVE; SELECT * FROM t; PRAGMA locking_mode = NORMAL');
    assert.equal(native.pragma('main.locking_mode', { simple: true }), 'exclusive');
    assert.throws(() => setPragmas(native, inputs), { code: 'SAFE_SQLITE_UNPROVED_PROTECTION' });
    native.close();
  });

  test('what an attached file has lost is noticed as well', () => {
    const native = new BetterSqlite3(walFile());
    native.exec(`ATTACH '${walFile()}' AS other`);
    setPragmas(native, inputs);
    verifyPragmas(native, inputs);
    native.exec('PRAGMA other.synchronous = OFF');
    assert.throws(() => verifyPragmas(native, inputs), { code: 'SAFE_SQLITE_UNPROVED_PROTECTION' });
    native.close();
  });

  test('durability extra is EXTRA in WAL mode too', () => {
    const db = open({ durability: 'extra' });
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    assert.equal(level(db), extra);
    db.pragma('synchronous = FULL');
    assert.equal(level(db), extra);
    const strict = open({ durability: 'extra', weakerPragmas: 'throw' });
    assert.throws(() => strict.pragma('synchronous = FULL'), UnsafeStatementError);
    strict.close();
    db.close();
  });

  test('every way of attaching is protected, and stays so', () => {
    const db = open();
    db.attach(path(), 'one');
    db.exec(`ATTACH DATABASE '${path()}' AS two`);
    db.prepare(`ATTACH '${path()}' AS "th ree"`).run();
    for (const schema of ['one', 'two', '"th ree"']) {
      assert.ok([full, extra].includes(level(db, schema) as number));
      db.pragma(`${schema}.journal_mode = WAL`);
      db.exec(`CREATE TABLE ${schema}.t (a); INSERT INTO ${schema}.t VALUES (1)`);
      assert.equal(level(db, schema) as number, full, schema);
      assert.equal(db.pragma(`${schema}.mmap_size`, { simple: true }), 0);
    }
    db.detach('one');
    db.exec('DETACH two');
    const again = db.prepare(`ATTACH '${path()}' AS two`);
    assert.throws(() => level(db, 'two'), /unknown database/, 'preparing attaches nothing');
    for (let round = 0; round < 2; round += 1) {
      again.run();
      assert.ok((level(db, 'two') as number) >= full);
      db.prepare('DETACH two').run();
    }
    assert.throws(() => level(db, 'one'), /unknown database/);
    db.close();
  });

  test('an attached database of a connection in memory is protected as well', () => {
    const db = new Database(':memory:', { logger: false });
    db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('synchronous = OFF');
    const file = path();
    db.attach(file, 'disk');
    db.exec('CREATE TABLE disk.t (a)');
    assert.ok((level(db, 'disk') as number) >= full);
    db.pragma('disk.synchronous = OFF');
    assert.ok((level(db, 'disk') as number) >= full);
    const other = open({ timeout: 0 }, file);
    assert.deepEqual(other.prepare('SELECT * FROM t').all(), [], 'no exclusive lock was left behind');
    other.close();
    db.close();
  });

  test('ATTACH inside a transaction is refused, where nothing could be set', () => {
    const db = open();
    db.exec('BEGIN');
    assert.throws(() => db.exec(`ATTACH '${path()}' AS other`), UnsafeStatementError);
    assert.throws(() => db.attach(path(), 'other'), UnsafeStatementError);
    db.exec('COMMIT');
    db.close();
  });

  test('the other protections hold, and are refused to be taken away', () => {
    const db = open({ weakerPragmas: 'throw' });
    const values = { cell_size_check: 1, trusted_schema: 0, mmap_size: 0, foreign_keys: 1, locking_mode: 'normal' };
    for (const [name, value] of Object.entries(values))
      assert.equal(db.pragma(`main.${name}`, { simple: true }), value, name);
    for (const sql of ['cell_size_check = OFF', 'mmap_size = 1000000', 'writable_schema = ON', 'schema_version = 9']) {
      assert.throws(() => db.pragma(sql), UnsafeStatementError, sql);
    }
    db.close();
  });

  test('dangerously.allowUnsyncedCommits lets NORMAL through, with a reason', () => {
    const db = open({ dangerously: { allowUnsyncedCommits: 'a cache that can be rebuilt' } });
    db.pragma('synchronous = NORMAL');
    assert.equal(level(db), 1);
    db.close();
  });

  test('neither OFF nor a journal in memory gets through, whatever is permitted; raw takes both', () => {
    const raw = new BetterSqlite3(path());
    assert.equal(raw.pragma('journal_mode = MEMORY', { simple: true }), 'memory');
    raw.pragma('synchronous = OFF');
    assert.equal(raw.pragma('synchronous', { simple: true }), 0);
    raw.close();
    const db = open({ dangerously: { allowUnsyncedCommits: 'a cache that can be rebuilt' } });
    for (const sql of ['synchronous = OFF', 'synchronous = 0', 'journal_mode = MEMORY', 'journal_mode = OFF']) {
      db.pragma(sql);
    }
    assert.equal(level(db), 1, 'NORMAL, which is what was given up, and no less');
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    db.close();
  });

  test('verbose does not see the statements of this library', () => {
    const seen: unknown[] = [];
    const file = path();
    const db = open({ verbose: (sql: unknown) => seen.push(sql) }, file);
    db.exec(`ATTACH '${path()}' AS other`);
    db.function('f', () => 1);
    db.close();
    assert.equal(seen.length, 1, seen.join('\n'));
  });

  test('several processes that create one database at once all get WAL', async t => {
    const file = path();
    const program = `
      const db = require('safe-sqlite')(process.argv[1], { logger: false });
      db.exec('CREATE TABLE IF NOT EXISTS t (a)');
      db.prepare('INSERT INTO t VALUES (?)').run(process.pid);
      console.log(db.pragma('journal_mode', { simple: true }));
      db.close();`;
    const root = join(import.meta.dirname, '../..');
    const run = async (): Promise<unknown[]> =>
      once(spawn(process.execPath, ['-e', program, file], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] }), 'exit');
    const first = await Promise.all(Array.from({ length: 6 }, run));
    // Wine does not keep the order of locks under load (docs/environments.md): one takes the journal of another for a left one.
    const isWine = process.platform === 'win32' && existsSync('Z:\\proc\\self');
    if (isWine && first.some(([code]) => code !== 0)) t.diagnostic('a process was started again: this is Wine');
    const codes = await Promise.all(first.map(async exit => (isWine && exit[0] !== 0 ? run() : exit)));
    assert.deepEqual(
      codes,
      Array.from({ length: 6 }, () => [0, null]),
    );
    const db = open({}, file);
    assert.equal(db.prepare('SELECT count(DISTINCT a) FROM t').pluck().get(), 6);
    db.close();
  });
});

describe('a pragma of the application beside an open iterator', () => {
  const beside = mkdtempSync(join(tmpdir(), 'protect-beside-'));
  after(() => rmSync(beside, { recursive: true, force: true }));
  const pragmas = ['locking_mode = exclusive', 'mmap_size = 9', 'journal_mode = memory', 'synchronous = OFF'];
  for (const pragma of pragmas) {
    test(`PRAGMA ${pragma} answers as with better-sqlite3, and the protections are set again`, () => {
      const made: readonly BetterSqlite3.Database[] = [
        new BetterSqlite3(join(beside, `beside-${pragma}-raw.db`)),
        new Database(join(beside, `beside-${pragma}.db`), { logger: false }) as unknown as BetterSqlite3.Database,
      ];
      for (const db of made) {
        db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)');
        const rows = db.prepare('SELECT a FROM t').iterate();
        rows.next();
        const statement = db.prepare(`PRAGMA ${pragma}`);
        if (statement.reader) assert.doesNotThrow(() => statement.all());
        else assert.throws(() => statement.run(), { name: 'TypeError', message: /busy executing a query/ });
        rows.return?.();
      }
      const [, ours] = made;
      const now = ['synchronous', 'locking_mode', 'mmap_size', 'journal_mode'].map(name =>
        ours?.pragma(name, { simple: true }),
      );
      assert.deepEqual(now, [2, 'normal', 0, 'wal']);
      for (const db of made) db.close();
    });
  }
});
