import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import Database, { BackupError, InvalidOptionError } from 'safe-sqlite';

describe('db.backup', () => {
  const folder = mkdtempSync(join(tmpdir(), 'backup-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const source = new Database(join(folder, 'source.db'), { logger: false });
  source.exec("CREATE TABLE t (a); INSERT INTO t VALUES ('in the WAL')");
  after(() => source.close());

  test('the hazard: raw better-sqlite3 resolves inside its own write transaction, and there is no file', async () => {
    const raw = new BetterSqlite3(join(folder, 'raw.db'));
    raw.exec('CREATE TABLE t (a); BEGIN IMMEDIATE');
    const copy = join(folder, 'raw-copy.db');
    assert.deepEqual(await raw.backup(copy), { totalPages: 0, remainingPages: 0 });
    assert.equal(existsSync(copy), false);
    raw.close();
  });

  test('resolves with a file that can be opened, and tells the listeners', async () => {
    const copy = join(folder, 'copy.db');
    const events: string[] = [];
    source.events.once('backup', event => events.push(event.path));
    const result = await source.backup(copy);
    assert.equal(result.path, copy);
    assert.equal(result.remainingPages, 0);
    assert.ok(result.totalPages > 0);
    assert.deepEqual(events, [copy]);
    const db = new Database(copy, { readonly: true, logger: false });
    assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), ['in the WAL']);
    db.close();
  });

  test('rejects and leaves nothing where it cannot be done', async () => {
    const before = readdirSync(folder);
    let failed: unknown;
    source.events.once('backupFailed', event => (failed = event.error));
    await assert.rejects(source.backup(source.name, { overwrite: true }), BackupError);
    assert.ok(failed instanceof BackupError);
    await assert.rejects(source.backup(`${source.name}-wal`), BackupError);
    await assert.rejects(source.backup(join(folder, 'missing', 'a.db')));
    await assert.rejects(source.backup(5 as unknown as string), InvalidOptionError);
    assert.deepEqual(readdirSync(folder), before);
  });

  test('works in memory and inside a transaction of the application', async () => {
    const memory = new Database(':memory:');
    memory.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    assert.ok((await memory.backup(join(folder, 'memory.db'))).pages > 0);
    memory.close();
    source.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES ('not committed')");
    const { path } = await source.backup(join(folder, 'inside.db'));
    source.exec('ROLLBACK');
    const db = new Database(path, { readonly: true, logger: false });
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    db.close();
  });
});
