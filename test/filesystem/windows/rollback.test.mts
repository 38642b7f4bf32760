/** A rollback journal on Windows: which programs can write beside a connection that keeps the journal open. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import { openDatabase } from 'safe-sqlite';
import { resultCodes } from '../../../dist/errors/result-codes.js';

const skip = process.platform !== 'win32' && 'Windows alone deletes no open file: npm run test:windows';
const native = createRequire(import.meta.url).resolve('better-sqlite3');
const ours = createRequire(import.meta.url).resolve('../../../dist/index.js');

function fileOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-rollback-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'app.db');
}

/** Runs `lines` in another program, with `db` open on the file, and returns what `said` holds at the end. */
function elsewhere(file: string, open: string, lines: string): unknown {
  const program = `const said = []; const attempt = run => { try { said.push(run()); } catch (error) { said.push(error.code); } };
    const file = process.argv[1]; const db = ${open}; ${lines} db.close(); process.stdout.write(JSON.stringify(said));`;
  return JSON.parse(execFileSync(process.execPath, ['-e', program, file], { encoding: 'utf8' }));
}

const raw = `new (require(${JSON.stringify(native)}))(file, { timeout: 1000 })`;
const insert = `attempt(() => db.prepare('INSERT INTO t VALUES (2)').run().changes);`;

function count(db: { prepare(sql: string): { pluck(): { get(): unknown } } }): unknown {
  return db.prepare('SELECT count(*) FROM t').pluck().get();
}

describe('a rollback journal on Windows', { skip }, () => {
  test('the hazard: beside better-sqlite3 in TRUNCATE no other one writes in DELETE, and a switch to WAL is undone', t => {
    const file = fileOf(t);
    const db = new BetterSqlite3(file);
    db.exec('PRAGMA journal_mode = TRUNCATE; CREATE TABLE t (a)');
    assert.deepEqual(elsewhere(file, raw, insert), ['SQLITE_IOERR_DELETE']);
    // The failed commit left its journal, which this connection plays back: no other one can delete it then.
    assert.equal(count(db), 0);
    const change = `attempt(() => db.pragma('journal_mode = WAL', { simple: true }));`;
    assert.deepEqual(elsewhere(file, raw, change + insert), ['wal', 'SQLITE_IOERR_DELETE']);
    db.exec('INSERT INTO t VALUES (1)');
    assert.deepEqual([db.pragma('journal_mode', { simple: true }), count(db)], ['truncate', 1]);
    db.close();
  });

  test('beside this library the same: an error, nothing lost, and the mode that its hint names works', t => {
    const file = fileOf(t);
    using db = openDatabase(file, { journalMode: 'rollback', logger: false });
    assert.equal(db.plan.journalMode, 'truncate');
    db.exec('CREATE TABLE t (a)');
    assert.ok(existsSync(`${file}-journal`));
    assert.deepEqual(elsewhere(file, raw, insert), ['SQLITE_IOERR_DELETE']);
    db.exec('INSERT INTO t VALUES (1)');
    assert.equal(count(db), 1);
    assert.match(String(resultCodes.get('SQLITE_IOERR_DELETE')?.hint), /`PRAGMA journal_mode = TRUNCATE`/);
    assert.deepEqual(elsewhere(file, raw, `db.pragma('journal_mode = TRUNCATE'); ${insert}`), [1]);
    assert.deepEqual([count(db), db.pragma('integrity_check', { simple: true })], [2, 'ok']);
  });

  test('two programs with this library both write', t => {
    const file = fileOf(t);
    using db = openDatabase(file, { journalMode: 'rollback', logger: false });
    db.exec('CREATE TABLE t (a)');
    const open = `require(${JSON.stringify(ours)}).openDatabase(file, { journalMode: 'rollback', logger: false })`;
    assert.deepEqual(elsewhere(file, open, insert), [1]);
    db.exec('INSERT INTO t VALUES (1)');
    assert.equal(count(db), 2);
  });

  test('an attached database keeps DELETE: others write beside it', t => {
    const file = fileOf(t);
    const other = new BetterSqlite3(file);
    other.exec('CREATE TABLE t (a)');
    other.close();
    using db = openDatabase(`${file}.main`, { logger: false });
    db.attach(file, 'other');
    db.exec('INSERT INTO other.t VALUES (1)');
    assert.deepEqual(elsewhere(file, raw, insert), [1]);
    assert.equal(db.prepare('SELECT count(*) FROM other.t').pluck().get(), 2);
  });

  test('attached here and opened by itself elsewhere: the mode that the hint names lets both write', t => {
    const file = fileOf(t);
    using main = openDatabase(file, { journalMode: 'rollback', logger: false });
    main.exec('CREATE TABLE t (a)');
    using db = openDatabase(`${file}.main`, { logger: false });
    db.attach(file, 'other');
    assert.throws(() => db.exec('INSERT INTO other.t VALUES (1)'), { code: 'SQLITE_IOERR_DELETE' });
    assert.equal(count(main), 0);
    db.pragma('other.journal_mode = TRUNCATE');
    db.exec('INSERT INTO other.t VALUES (1)');
    main.exec('INSERT INTO t VALUES (2)');
    assert.deepEqual([count(main), db.pragma('other.journal_mode', { simple: true })], [2, 'truncate']);
  });
});
