/** Tests the names of Windows on Windows itself: `npm run test:windows`. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import { BackupError, diagnose, InvalidOptionError, openDatabase, OrphanedJournalError } from 'safe-sqlite';
import { procFolder } from '../../../dist/base/proc-folder.js';
import { identityOf } from '../../../dist/backup/place.js';
import { findHolders, isOpenOnWindows } from '../../../dist/proc/holders.js';
import { lstatSync } from 'node:fs';

const skip = process.platform !== 'win32' && 'the names are those of Windows: npm run test:windows';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-names-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A database with an orphaned WAL that SQLite would take for its own. */
function orphanedWal(folder: string): string {
  const file = join(folder, 'y.db');
  const db = new BetterSqlite3(file);
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  writeFileSync(join(folder, 'kept-wal'), readWal(file));
  db.close();
  rmSync(file);
  writeFileSync(`${file}-wal`, readWal(join(folder, 'kept')));
  return file;
}

function readWal(file: string): Buffer {
  return process.getBuiltinModule('node:fs').readFileSync(`${file}-wal`);
}

describe('names of Windows', { skip }, () => {
  test('the hazard: better-sqlite3 deletes the orphaned -wal of `y.db` when it opens `y.db.`', t => {
    const folder = folderOf(t);
    const file = orphanedWal(folder);
    const raw = new BetterSqlite3(`${file}.`);
    raw.exec('CREATE TABLE u (a)');
    raw.close();
    assert.equal(readdirSync(folder).includes('y.db-wal'), false);
  });

  test('a dot or a space at the end gets past no check', t => {
    for (const end of ['', '.', ' .', '...']) {
      const folder = folderOf(t);
      const file = orphanedWal(folder);
      assert.throws(() => openDatabase(`${file}${end}`, { logger: false }), OrphanedJournalError, JSON.stringify(end));
      assert.ok(readdirSync(folder).includes('y.db-wal'));
    }
  });

  test('two spellings are one database', t => {
    const folder = folderOf(t);
    const db = openDatabase(join(folder, 'Q.db'), { logger: false });
    db.exec('CREATE TABLE t (a)');
    for (const name of ['q.DB', 'Q.db.']) {
      const again = openDatabase(join(folder, name), { logger: false });
      assert.equal(again.plan.file, db.plan.file);
      again.close();
    }
    db.close();
  });

  test('streams and devices are no databases and no backups', async t => {
    const folder = folderOf(t);
    const db = openDatabase(join(folder, 'a.db'), { logger: false });
    db.exec('CREATE TABLE t (a)');
    for (const name of ['a.db:stream', 'a.db::$DATA', 'a.db-wal::$DATA', 'NUL', 'con.db', 'COM1']) {
      assert.throws(() => openDatabase(join(folder, name), { logger: false }), InvalidOptionError, name);
      await assert.rejects(db.backup(join(folder, name), { overwrite: true }), BackupError, name);
    }
    await assert.rejects(db.backup(join(folder, 'A.DB-WAL'), { overwrite: true }), BackupError);
    await assert.rejects(db.backup(join(folder, 'a.db.'), { overwrite: true }), BackupError);
    db.close();
    assert.deepEqual(readdirSync(folder), ['a.db']);
  });

  test('the doctor sees that a healthy database is open, and that a closed one is not', async t => {
    const folder = folderOf(t);
    const file = join(folder, 'a.db');
    const db = openDatabase(file, { logger: false });
    db.exec('CREATE TABLE t (a)');
    // The process guard refuses the rename in this process; the doctor asks from its own.
    const open = await diagnose(file);
    assert.ok(open.findings.some(({ code }) => code === 'open'));
    assert.deepEqual(
      open.findings.filter(({ code }) => /wal-(crashed|not-closed)/.test(code)),
      [],
    );
    db.close();
    assert.equal(isOpenOnWindows(file), false);
    const closed = await diagnose(file);
    assert.ok(closed.findings.some(({ code }) => code === 'not-open'));
  });

  test('C:\\proc is no /proc', t => {
    const made = mkdirSync('C:\\proc\\1\\fd', { recursive: true });
    if (made !== undefined) t.after(() => rmSync(made, { recursive: true, force: true }));
    const file = join(folderOf(t), 'a.db');
    writeFileSync(file, '');
    writeFileSync('C:\\proc\\1\\fd\\3', '');
    const planted = identityOf(lstatSync('C:\\proc\\1\\fd\\3', { bigint: true }));
    assert.ok(planted !== null);
    assert.deepEqual(findHolders(planted), []);
    assert.throws(() => readdirSync(procFolder));
  });
});
