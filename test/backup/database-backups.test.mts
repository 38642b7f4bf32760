import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import Database, { BackupError, InvalidOptionError, verifyDatabase } from 'safe-sqlite';

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

  test('`progress` reaches the caller as in better-sqlite3: its errors, a wrong return value, a connection that closes', async () => {
    const raw = new BetterSqlite3(join(folder, 'progress-raw.db'));
    const ours = new Database(join(folder, 'progress-ours.db'), { logger: false });
    for (const db of [raw, ours]) {
      db.exec(
        'CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT randomblob(900) FROM n',
      );
    }
    const boom = new Error('boom');
    const outcomes: unknown[][] = [];
    for (const db of [raw, ours]) {
      const to = `${db.name}.copy`;
      const caught: unknown[] = [];
      const attempt = async (backup: Promise<unknown>) =>
        caught.push(
          await backup.then(
            () => 'made',
            (error: unknown) => error,
          ),
        );
      await attempt(
        db.backup(to, {
          progress: () => {
            throw boom;
          },
        }),
      );
      await attempt(db.backup(to, { progress: () => 'many' as unknown as number }));
      await attempt(db.backup(join(folder, 'missing', 'a.db'), { progress: () => 100 }));
      await attempt(
        db.backup(to, {
          progress: () => {
            db.close();
            return 1;
          },
        }),
      );
      outcomes.push(caught.map(each => (each === boom ? 'boom' : each instanceof TypeError ? each.message : each)));
    }
    assert.deepEqual(outcomes[1], outcomes[0]);
    assert.deepEqual(outcomes[0], [
      'boom',
      'Expected progress callback to return a number or undefined',
      'Cannot save backup because the directory does not exist',
      'The database connection is not open',
    ]);
    assert.equal(existsSync(join(folder, 'progress-ours.db.copy')), false);
  });

  test('an older database at the destination is replaced; a file that is no database, and an open one, are refused', async () => {
    const to = join(folder, 'again.db');
    await source.backup(to);
    source.exec("INSERT INTO t VALUES ('later')");
    await source.backup(to);
    const count = (file: string): unknown => {
      const db = new BetterSqlite3(file);
      const rows = db.prepare('SELECT count(*) FROM t').pluck().get();
      db.close();
      return rows;
    };
    assert.equal(count(to), 2);
    await assert.rejects(source.backup(to, { overwrite: false }), BackupError);
    writeFileSync(join(folder, 'letter.txt'), 'not a database'.repeat(100));
    await assert.rejects(source.backup(join(folder, 'letter.txt')), /not an SQLite database/);
    assert.equal(readFileSync(join(folder, 'letter.txt'), 'utf8'), 'not a database'.repeat(100));
    for (const journal of ['wal', 'delete']) {
      const open = new BetterSqlite3(to);
      open.pragma(`journal_mode=${journal}`);
      open.prepare('SELECT count(*) FROM t').get();
      await assert.rejects(source.backup(to, { overwrite: true }), BackupError, journal);
      open.close();
      assert.equal(count(to), 2);
    }
    await assert.rejects(source.backup(`${to}-wal`), /is a file of the database/);
    const nlink = statSync(to).nlink;
    assert.equal(nlink, 1);
    assert.deepEqual(
      readdirSync(folder).filter(name => name.startsWith('.')),
      [],
    );
  });

  test('a damaged table is found although another one cannot be checked', async () => {
    const file = join(folder, 'damaged.db');
    const raw = new BetterSqlite3(file);
    raw.function('up', { deterministic: true }, x => String(x).toUpperCase());
    raw.exec(
      'CREATE TABLE t (x, y TEXT NOT NULL GENERATED ALWAYS AS (up(x)) VIRTUAL); CREATE TABLE u (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO u SELECT randomblob(500) FROM n',
    );
    const page = Number(raw.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'u'").pluck().get());
    raw.close();
    const bytes = readFileSync(file);
    bytes.fill(0x41, (page - 1) * 4096, page * 4096);
    writeFileSync(file, bytes);
    const report = await verifyDatabase(file);
    assert.deepEqual([report.ok, report.checked], [false, 'partial']);
  });
});
