/** Enumerates what can be observed of both libraries, and compares each difference with the tables of docs/differences.md. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as NodeSqlite from 'node:sqlite';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { refusalClasses } from '../../dist/errors/refusals.js';
import { names, readPage, tableBehind } from '../contract/page.mts';
import { difference, quiet, subjects, suite, thrownBy, type Db, type Subject } from './subjects.mts';

const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'drop-in-observable-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const [theirs, ours] = subjects as readonly [Subject, Subject];
const page = readPage('docs/differences.md');
let count = 0;

function opened({ Database }: Subject): Db {
  const db = new Database(join(folder, `${(count += 1)}.db`), quiet);
  db.exec('CREATE TABLE t (a)');
  return db;
}

/** Public names on an object and its prototypes; symbols by their description. */
function membersOf(object: object): Set<string> {
  const found = new Set<string>();
  for (let at = object; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at) as object) {
    for (const key of Reflect.ownKeys(at)) found.add(typeof key === 'symbol' ? (key.description ?? '') : key);
  }
  // The marks by which either library knows its own objects.
  for (const own of ['', 'safe-sqlite.original']) found.delete(own);
  return found;
}

function beyond(of: Set<string>, without: Set<string>): string[] {
  return [...of].filter(name => !without.has(name)).toSorted();
}

describe('docs/differences.md has every observable difference, and no other', () => {
  test('members of a database, a statement and the class', () => {
    const [raw, safe] = [opened(theirs), opened(ours)];
    const added = beyond(membersOf(safe), membersOf(raw));
    const listed = tableBehind(page, '## Members that better-sqlite3 does not have').flatMap(([cell = '']) =>
      names(cell),
    );
    assert.deepEqual(added, listed.toSorted());
    assert.deepEqual(beyond(membersOf(raw), membersOf(safe)), [], 'and none is missing');
    const [rawStatement, statement] = [raw.prepare('SELECT 1'), safe.prepare('SELECT 1')];
    assert.deepEqual(beyond(membersOf(statement), membersOf(rawStatement)), []);
    assert.deepEqual(beyond(membersOf(rawStatement), membersOf(statement)), []);
    const missing = Reflect.ownKeys(theirs.Database).filter(key => !Reflect.has(ours.Database, key));
    assert.deepEqual(missing, [], 'the constructor has what theirs has');
    raw.close();
    safe.close();
  });

  test('pragmas of a new connection', () => {
    const [raw, safe] = [opened(theirs), opened(ours)];
    // These act, or count what was written.
    const acting =
      /^(?:optimize|wal_checkpoint|incremental_vacuum|shrink_memory|data_version|schema_version|page_count|freelist_count)$/;
    const known = (raw.pragma('pragma_list') as { name: string }[])
      .map(({ name }) => name)
      .filter(name => !acting.test(name));
    assert.ok(known.length > 50);
    const value = (db: Db, name: string): string => String(db.pragma(name, { simple: true }));
    const differing = known
      .filter(name => value(raw, name) !== value(safe, name))
      .map(name => [name, value(raw, name), value(safe, name)].join(' '));
    const listed = tableBehind(page, '## Values of a new connection').map(cells =>
      cells.flatMap(cell => names(cell)).join(' '),
    );
    assert.deepEqual(differing.toSorted(), listed.toSorted());
    raw.close();
    safe.close();
  });

  test('files after a kill', () => {
    const left = ({ specifier }: Subject): string[] => {
      const place = mkdtempSync(join(folder, 'kill-'));
      const script = `const db = require(${JSON.stringify(require.resolve(specifier))})(process.argv[1]);
        db.pragma('cache_size = 10'); db.exec('CREATE TABLE t (a)'); db.exec('BEGIN');
        const insert = db.prepare('INSERT INTO t VALUES (randomblob(4000))'); for (let i = 0; i < 200; i += 1) insert.run();
        process.kill(process.pid, 'SIGKILL');`;
      const { signal } = spawnSync(process.execPath, ['-e', script, join(place, 'app.db')]);
      // Windows has no signals.
      assert.equal(signal, process.platform === 'win32' ? null : 'SIGKILL');
      return readdirSync(place).toSorted();
    };
    const rows = tableBehind(page, '## Files beside a database after a kill');
    const column = (at: number): string[] => rows.flatMap(cells => names(cells[at] ?? '')).toSorted();
    assert.deepEqual([left(theirs), left(ours)], [column(0), column(1)]);
  });

  test('classes of errors', () => {
    const listed = tableBehind(page, '## Errors that better-sqlite3 does not have')
      .flatMap(([cell = '']) => names(cell))
      .filter(name => name.endsWith('Error') && name !== 'TypeError');
    assert.deepEqual(listed.toSorted(), Object.keys(refusalClasses).toSorted());
  });
});

suite('guard, backups, opening', bench => {
  const { Database } = bench;

  difference('A backup is checked, synced and takes its name last', bench, {
    async theirs() {
      const file = bench.path();
      const db = bench.open();
      // The first step meets a lock: it resolves, and there is no file.
      db.exec('BEGIN IMMEDIATE');
      const { totalPages } = await db.backup(file);
      assert.deepEqual([totalPages, existsSync(file)], [0, false]);
      db.exec('ROLLBACK');
      const live = bench.open();
      await db.backup(live.name);
      assert.equal(db.pragma('journal_mode', { simple: true }), 'delete');
    },
    async ours() {
      const file = bench.path();
      const db = bench.open();
      db.exec('BEGIN IMMEDIATE');
      await db.backup(file);
      assert.equal(existsSync(file), true);
      rmSync(file);
      db.exec('ROLLBACK');
      const live = bench.open();
      await assert.rejects(db.backup(live.name), { code: 'SAFE_SQLITE_BACKUP_FAILED' });
      const text = 'no database';
      writeFileSync(file, text);
      await assert.rejects(db.backup(file), { code: 'SAFE_SQLITE_BACKUP_FAILED' });
      assert.equal(readFileSync(file, 'utf8'), text);
      rmSync(file);
      await db.backup(file);
      const copy = new Database(file, { ...quiet, readonly: true });
      assert.equal(copy.prepare('SELECT count(*) FROM t').pluck().get(), 0);
      copy.close();
    },
  });

  difference('Calls of fs that would cancel the locks are refused', bench, {
    theirs: () => assert.ok(readFileSync(bench.open().name).length > 0),
    ours() {
      const { name } = bench.open();
      assert.equal(thrownBy(() => readFileSync(name)).code, 'SAFE_SQLITE_COPY_CONFLICT');
      assert.ok(existsSync(name));
    },
  });

  difference('A second copy of SQLite is kept away from an open file', bench, {
    theirs() {
      const { DatabaseSync } = require('node:sqlite') as typeof NodeSqlite;
      new DatabaseSync(bench.open().name).close();
    },
    ours() {
      const { name } = bench.open();
      const { DatabaseSync } = require('node:sqlite') as typeof NodeSqlite;
      assert.equal(thrownBy(() => new DatabaseSync(name)).code, 'SAFE_SQLITE_COPY_CONFLICT');
    },
  });

  difference('A file that SQLite would lose is refused at the open', bench, {
    theirs() {
      const file = bench.path();
      writeFileSync(`${file}-wal`, Buffer.alloc(5000, 1));
      new Database(file).exec('CREATE TABLE t (a)').close();
      assert.equal(existsSync(`${file}-wal`), false);
    },
    ours() {
      const file = bench.path();
      writeFileSync(`${file}-wal`, Buffer.alloc(5000, 1));
      assert.equal(thrownBy(() => new Database(file, quiet)).code, 'SAFE_SQLITE_ORPHANED_JOURNAL');
      assert.equal(existsSync(`${file}-wal`), true);
    },
  });

  /** Another process puts another database at the name. */
  const replace = (db: Db): void => {
    const other = bench.path();
    new theirs.Database(other).exec('CREATE TABLE other (a)').close();
    execFileSync('mv', [other, db.name]);
  };

  difference('A connection whose file was replaced ends', bench, {
    skip: process.platform === 'win32' && 'Windows replaces no file that is open',
    theirs() {
      const db = bench.open();
      db.pragma('journal_mode = WAL');
      replace(db);
      assert.equal(db.prepare('INSERT INTO t (a) VALUES (1)').run().changes, 1, 'stored where nobody reads');
    },
    ours() {
      const db = bench.open();
      replace(db);
      assert.equal(thrownBy(() => db.prepare('INSERT INTO t (a) VALUES (1)').run()).code, 'SAFE_SQLITE_FILE_REPLACED');
      db.close();
    },
  });

  difference('A statement works behind a Proxy', bench, {
    theirs() {
      const statement = bench.open().prepare('SELECT 1');
      assert.throws(() => new Proxy(statement, {}).get(), TypeError);
    },
    ours() {
      const statement = bench.open().prepare('SELECT 1').pluck();
      assert.equal(new Proxy(statement, {}).get(), 1);
    },
  });

  difference('iterate() of a guarded statement has all its rows at once', bench, {
    theirs() {
      const db = bench.open();
      const rows = db.prepare('PRAGMA journal_mode = WAL').iterate();
      assert.throws(() => db.exec('SELECT 1'), /busy executing a query/);
      assert.deepEqual([...rows], [{ journal_mode: 'wal' }]);
    },
    ours() {
      const db = bench.open();
      db.pragma('journal_mode = DELETE');
      const rows = db.prepare('PRAGMA journal_mode = WAL').iterate();
      assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
      assert.deepEqual([...rows], [{ journal_mode: 'wal' }]);
    },
  });

  const errorOutput = (): string => {
    const script = `const db = require(${JSON.stringify(require.resolve(bench.specifier))})(process.argv[1]);
      db.pragma('synchronous = OFF'); db.pragma('synchronous = OFF'); db.close();`;
    return spawnSync(process.execPath, ['-e', script, bench.path()], { encoding: 'utf8' }).stderr;
  };

  difference('Warnings are logged to standard error', bench, {
    theirs: () => assert.equal(errorOutput(), ''),
    ours() {
      const lines = errorOutput()
        .split('\n')
        .filter(line => line.includes('weaker-pragma-kept'));
      assert.equal(lines.length, 1);
      assert.equal((JSON.parse(lines[0] ?? '') as { file: string }).file.startsWith(basename(folder)), false);
    },
  });
});
