/** Tests the names of Windows on Windows itself: `npm run test:windows`. */
import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import {
  BackupError,
  diagnose,
  inspectFilesystem,
  InvalidOptionError,
  openDatabase,
  OrphanedJournalError,
  UnsafeFilesystemError,
} from 'safe-sqlite';
import { procFolder } from '../../../dist/base/proc-folder.js';
import { identityOf } from '../../../dist/backup/place.js';
import { locate } from '../../../dist/filesystem/locate.js';
import { findHolders, isOpenOnWindows } from '../../../dist/proc/holders.js';

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

/** A folder by the name of a share: Wine shows what is below `unc` as shares. */
function shareOf(t: TestContext, folder: string): string | null {
  if (existsSync('Z:\\opt\\wine\\dosdevices')) {
    const made = mkdtempSync(join(mkdirOf('Z:\\opt\\wine\\dosdevices\\unc\\localhost'), 'share-'));
    t.after(() => rmSync(made, { recursive: true, force: true }));
    return `\\\\localhost\\${basename(made)}`;
  }
  const share = `\\\\localhost\\${folder.replace(':', '$')}`;
  return existsSync(share) ? share : null;
}

function mkdirOf(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return folder;
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

  test('the hazard: better-sqlite3 copies into the journal of an open database, by each of its spellings', t => {
    const folder = folderOf(t);
    mkdirSync(join(folder, 'dir'));
    const raw = new BetterSqlite3(join(folder, 'raw.db'));
    raw.exec('CREATE TABLE t (a)');
    for (const name of ['x.db-journal.', 'y.db-journal ', 'dir.\\z.db-journal', 'missing\\..\\u.db-journal'])
      raw.prepare('VACUUM INTO ?').run(join(folder, 'dir') + `\\..\\${name}`);
    raw.close();
    assert.deepEqual(readdirSync(folder).toSorted(), ['dir', 'raw.db', 'u.db-journal', 'x.db-journal', 'y.db-journal']);
    assert.deepEqual(readdirSync(join(folder, 'dir')), ['z.db-journal']);
  });

  test('ATTACH and VACUUM INTO judge the file that such a spelling names, and use it', t => {
    const folder = folderOf(t);
    mkdirSync(join(folder, 'dir'));
    using db = openDatabase(join(folder, 'dir', 'a.db'), { logger: false });
    using other = openDatabase(join(folder, 'dir', 'b.db'), { logger: false });
    for (const one of [db, other]) one.exec('CREATE TABLE t (a)');
    let copies = 0;
    for (const [start, end] of [
      ['dir\\', '.'],
      ['dir\\', ' '],
      ['dir\\', ' . .'],
      ['dir.\\', ''],
      ['DIR.\\', '.'],
      ['missing\\..\\dir\\', ''],
    ] as const) {
      for (const suffix of ['', '-wal', '-shm', '-journal']) {
        const name = `${folder}\\${start}b.db${suffix}${end}`;
        assert.throws(() => db.prepare('VACUUM INTO ?').run(name), { code: 'SAFE_SQLITE_UNSAFE_STATEMENT' }, name);
        if (suffix === '') continue;
        for (const attach of [
          () => db.prepare('ATTACH ? AS x').run(name),
          () => db.exec(`ATTACH '${name}' AS x`),
          () => db.attach(name, 'x'),
        ])
          assert.throws(attach, { code: 'SAFE_SQLITE_UNSAFE_STATEMENT' }, name);
      }
      db.attach(`${folder}\\${start}b.db${end}`, 'x');
      assert.equal(db.prepare("SELECT file FROM pragma_database_list WHERE name = 'x'").pluck().get(), other.name);
      db.detach('x');
      copies += 1;
      db.prepare('VACUUM INTO ?').run(`${folder}\\${start}copy${copies}.db${end}`);
      assert.ok(readdirSync(join(folder, 'dir')).includes(`copy${copies}.db`));
    }
    other.exec('INSERT INTO t VALUES (1)');
  });

  test('a folder whose name Windows shortens by more than a dot is no way to a database', t => {
    const folder = folderOf(t);
    mkdirSync(join(folder, 'dir'));
    using db = openDatabase(join(folder, 'a.db'), { logger: false });
    for (const folderName of ['dir..', 'dir...']) {
      const name = `${folder}\\${folderName}\\x.db`;
      assert.throws(() => openDatabase(name, { logger: false }), InvalidOptionError);
      assert.throws(() => db.prepare('VACUUM INTO ?').run(name), InvalidOptionError);
      assert.throws(() => db.attach(name, 'x'), InvalidOptionError);
    }
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

  test('a share is judged by its name, and touched only where it is allowed', t => {
    const folder = folderOf(t);
    const share = shareOf(t, folder);
    if (share === null) return t.skip('needs the share C$, which Windows gives to administrators');
    const raw = new BetterSqlite3(`${share}\\a.db`);
    raw.exec('CREATE TABLE t (a)');
    raw.close();
    for (const name of [
      `${share}\\a.db`,
      share.replace('\\\\', '\\\\?\\UNC\\') + '\\a.db',
      `${share.replaceAll('\\', '/')}/a.db`,
    ]) {
      const { untouched, exists, identity, size } = locate(name);
      assert.deepEqual([untouched, exists, identity, size], [true, false, null, null], name);
      assert.equal(locate(name, { touchShared: true }).exists, true);
      assert.equal(inspectFilesystem(name).class, 'network');
      assert.throws(() => openDatabase(name, { logger: false }), UnsafeFilesystemError);
    }
    using db = openDatabase(`${share}\\a.db`, {
      logger: false,
      dangerously: { allowNetworkFilesystem: 'this test alone writes there' },
    });
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 0);
    assert.equal(locate(join(folder, 'b.db')).untouched, false);
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
