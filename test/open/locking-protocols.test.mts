import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { Database } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'locking-protocols-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'a.db');

/** Another process, whose SQLite takes no locks at all, changes the row; node:sqlite takes URI names. */
function writeWithoutLocks(): void {
  const program = `
    const { DatabaseSync } = require('node:sqlite');
    const db = new DatabaseSync(new URL(process.argv[1]));
    db.exec('UPDATE t SET a = 2');
    db.close();`;
  const url = `${pathToFileURL(file).href}?vfs=unix-none`;
  execFileSync(process.execPath, ['--no-warnings', '-e', program, url], { stdio: 'pipe' });
}

describe('two locking protocols on one file', { skip: process.platform === 'win32' && 'its VFS is of Unix' }, () => {
  test('the hazard: another locking protocol writes into a transaction that has the file', () => {
    const db = new BetterSqlite3(file);
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    db.exec('BEGIN EXCLUSIVE');
    assert.equal(db.prepare('SELECT a FROM t').pluck().get(), 1);
    writeWithoutLocks();
    db.exec('UPDATE t SET a = a + 10; COMMIT');
    assert.equal(db.prepare('SELECT a FROM t').pluck().get(), 11, 'the committed change of the other is lost');
    db.close();
  });

  test('no way of opening or attaching here takes another protocol', () => {
    const uri = `${pathToFileURL(file).href}?vfs=unix-none`;
    assert.throws(() => new Database(uri), { code: 'SAFE_SQLITE_INVALID_OPTION' });
    assert.throws(() => new Database(file, { vfs: 'unix-none' } as object), { code: 'SAFE_SQLITE_INVALID_OPTION' });
    const db = new Database(file, { logger: false });
    assert.throws(() => db.exec(`ATTACH '${uri}' AS other`), { code: 'SAFE_SQLITE_UNSAFE_STATEMENT' });
    assert.throws(() => db.attach(uri, 'other'));
    assert.throws(() => db.pragma(`lock_proxy_file = 'x'`), { code: 'SAFE_SQLITE_UNSAFE_STATEMENT' });
    db.close();
  });
});
