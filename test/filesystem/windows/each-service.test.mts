// Uses each service once on Windows: the short form of `npm run test:windows`.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import Database, {
  BackupError,
  closeAllDatabases,
  openDatabase,
  RestoreError,
  restoreDatabase,
  SqliteError,
  verifyDatabase,
} from 'safe-sqlite';
import { main } from '../../../dist/cli/main.js';

const root = join(import.meta.dirname, '../../..');
const quiet = { logger: false } as const;

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-services-'));
  t.after(() => {
    closeAllDatabases();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function rowsOf(file: string): unknown {
  const db = new BetterSqlite3(file, { readonly: true });
  try {
    return db.prepare('SELECT count(*) FROM t').pluck().get();
  } finally {
    db.close();
  }
}

/** A database with `rows` rows, open. */
function filled(file: string, rows: number): InstanceType<typeof Database> {
  const db = openDatabase(file, quiet);
  db.exec('CREATE TABLE t (a INTEGER PRIMARY KEY)');
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  db.transaction(() => {
    for (let row = 0; row < rows; row += 1) insert.run(row);
  })();
  return db;
}

/** The folders of the services test them in full on Linux. */
const skip = process.platform === 'linux' && 'for the other systems: npm run test:windows';

describe('each service, on this system', { skip }, () => {
  test('write queue, checkpoint, backup, verify, close', async t => {
    const folder = folderOf(t);
    const db = filled(join(folder, 'app.db'), 3);
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    await Promise.all([3, 4].map(row => db.write(() => insert.run(row))));
    assert.equal((await db.checkpoint()).complete, true);
    const copy = await db.backup(join(folder, 'copy.db'));
    assert.equal(copy.verified, 'quick');
    assert.equal((await verifyDatabase(copy.path, { level: 'full' })).ok, true);
    db.close();
    assert.deepEqual([rowsOf(copy.path), readdirSync(folder).toSorted()], [5, ['app.db', 'copy.db']]);
  });

  test('right behind close() the files can be deleted, also where a thread and a reader process were at work', async t => {
    const folder = folderOf(t);
    const file = join(folder, 'app.db');
    const db = openDatabase(file, quiet);
    db.exec('CREATE TABLE t (a)');
    await db.write(() => db.prepare('INSERT INTO t VALUES (zeroblob(300000))').run());
    await db.reader.all('SELECT count(*) FROM t');
    const running = [db.checkpoint(), db.reader.all('SELECT count(*) FROM t')];
    db.close();
    // Windows deletes no file that is open.
    for (const name of readdirSync(folder)) unlinkSync(join(folder, name));
    await Promise.allSettled(running);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('a backup onto a database that is open is refused, and leaves no second name of it', async t => {
    const folder = folderOf(t);
    const db = filled(join(folder, 'app.db'), 3);
    const other = filled(join(folder, 'other.db'), 1);
    const foreign = new BetterSqlite3(join(folder, 'foreign.db'));
    t.after(() => foreign.close());
    foreign.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    for (const name of ['app.db', 'other.db', 'foreign.db', 'app.db-wal']) {
      await assert.rejects(db.backup(join(folder, name), { overwrite: true }), BackupError, name);
    }
    assert.equal(statSync(join(folder, 'other.db')).nlink, 1);
    assert.deepEqual(
      [rowsOf(join(folder, 'foreign.db')), other.prepare('SELECT count(*) FROM t').pluck().get()],
      [1, 1],
    );
    assert.deepEqual(
      readdirSync(folder).filter(name => !/^(?:app|other|foreign)\.db(?:-wal|-shm)?$/.test(name)),
      [],
    );
  });

  test('a restore: onto an open database refused, onto a closed one done, the old one kept', async t => {
    const folder = folderOf(t);
    const to = join(folder, 'app.db');
    const db = filled(to, 3);
    const { path: from } = await db.backup(join(folder, 'copy.db'));
    db.exec('DELETE FROM t WHERE a > 0');
    await assert.rejects(restoreDatabase({ from, to }), RestoreError);
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    db.close();
    const { kept } = await restoreDatabase({ from, to });
    assert.deepEqual([rowsOf(to), rowsOf(kept[0] ?? '')], [3, 1]);
    assert.equal(statSync(to).nlink, 1);
    const again = openDatabase(to, quiet);
    again.exec('INSERT INTO t VALUES (100)');
    again.close();
  });

  test('the process guard refuses what would take the locks away, and nothing else', t => {
    const folder = folderOf(t);
    const file = join(folder, 'app.db');
    const db = filled(file, 1);
    const refused = { code: 'SAFE_SQLITE_COPY_CONFLICT' };
    assert.throws(() => readFileSync(file), refused);
    assert.throws(() => copyFileSync(file, join(folder, 'copy.db')), refused);
    assert.ok(statSync(file).size > 0);
    db.exec('INSERT INTO t VALUES (7)');
    db.close();
    assert.ok(readFileSync(file).subarray(0, 15).equals(Buffer.from('SQLite format 3')));
    rmSync(file);
  });

  test('registered, a program gets this class for better-sqlite3', t => {
    const folder = folderOf(t);
    const app = join(folder, 'app.cjs');
    writeFileSync(
      app,
      `const db = new (require('better-sqlite3'))(${JSON.stringify(join(folder, 'app.db'))});
       db.exec('CREATE TABLE t (a)'); console.log(typeof db.write); db.close();`,
    );
    for (const [flags, write] of [
      [[], 'undefined'],
      [['--import', 'safe-sqlite/register'], 'function'],
    ] as const) {
      rmSync(join(folder, 'app.db'), { force: true });
      const { stdout, stderr } = spawnSync(process.execPath, [...flags, app], {
        encoding: 'utf8',
        cwd: root,
        env: { ...process.env, NODE_PATH: join(root, 'node_modules') },
      });
      assert.equal(stdout.trim(), write, stderr);
    }
  });

  test('the drop-in: errors, transactions and a value of each type', t => {
    const db = new Database(join(folderOf(t), 'app.db'), quiet);
    db.exec('CREATE TABLE v (a UNIQUE, b, c)');
    const row = { a: 1.5, b: Buffer.from([0, 1]), c: 'ä' };
    db.prepare('INSERT INTO v VALUES (@a, @b, @c)').run(row);
    assert.deepEqual({ ...(db.prepare('SELECT * FROM v').get() as object) }, row);
    const insertTwice = db.transaction(() => {
      db.prepare('INSERT INTO v VALUES (2, NULL, NULL)').run();
      db.prepare('INSERT INTO v VALUES (1.5, NULL, NULL)').run();
    });
    assert.throws(
      insertTwice,
      (error: unknown) => error instanceof SqliteError && error.code === 'SQLITE_CONSTRAINT_UNIQUE',
    );
    assert.equal(db.prepare('SELECT count(*) FROM v').pluck().get(), 1);
    db.close();
  });

  test('the command line: backup, verify, restore and doctor', async t => {
    const folder = folderOf(t);
    const [file, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')];
    filled(file, 2).close();
    const says = async (...line: string[]): Promise<readonly [number, string]> => {
      let said = '';
      const code = await main(line, {
        out: text => void (said += text),
        err: text => void (said += text),
        isInteractive: false,
        hasColours: false,
        signal: new AbortController().signal,
      });
      return [code, said];
    };
    for (const line of [
      ['backup', file, copy],
      ['verify', copy],
      ['restore', copy, file],
    ]) {
      const [code, said] = await says(...line);
      assert.equal(code, 0, said);
    }
    assert.equal(rowsOf(file), 2);
    const [, report] = await says('doctor', file);
    assert.ok(report.includes(basename(file)), report);
    // The program itself, as npx starts it.
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'dist/cli/bin.js'), '--version'], {
      encoding: 'utf8',
    });
    assert.equal(status, 0);
    assert.match(stdout, /safe-sqlite \d+\.\d+\.\d+/);
    assert.ok(existsSync(copy));
  });
});
