import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { until } from '../support/until.mts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-switch-')));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

type Db = InstanceType<typeof Database>;

/** Tests how an application sets the journal mode of a schema. */
const ways: Readonly<Record<string, (db: Db, schema: string, mode: string) => unknown>> = {
  'db.pragma': (db, schema, mode) => db.pragma(`${schema}.journal_mode = ${mode}`),
  'db.exec': (db, schema, mode) => db.exec(`PRAGMA ${schema}.journal_mode = ${mode}`),
  'db.exec of several statements': (db, schema, mode) =>
    db.exec(`CREATE TABLE IF NOT EXISTS ${schema}.u(a); pragma ${schema}.Journal_Mode(${mode})`),
  'a prepared statement': (db, schema, mode) => db.prepare(`PRAGMA ${schema}.journal_mode = ${mode}`).get(),
  'db.exec in unsafe mode': (db, schema, mode) => {
    db.unsafeMode(true);
    db.exec(`PRAGMA ${schema}.journal_mode = ${mode}`);
    db.unsafeMode(false);
  },
};

/** A database with a second one attached, with a rollback journal, and what was reported of them. */
function open(): { db: Db; attached: string; file: string; checkpoints: string[]; alarms: string[] } {
  const place = join(folder, String(count++));
  const [file, attached] = [`${place}-main.db`, `${place}-att.db`];
  const raw = new Native(attached);
  raw.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, x)');
  raw.close();
  const db = new Database(file, { logger: false, sentinel: { intervalMs: 20 }, checkpoint: { walBytes: 100_000 } });
  db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, x)');
  db.attach(attached, 'att');
  const [checkpoints, alarms]: string[][] = [[], []];
  db.events.on('checkpoint', event => void checkpoints?.push(event.file));
  // Wine does not tell what a drive is.
  db.events.on('warning', ({ code }) => void (code === 'unknown-drive' || alarms?.push(code)));
  for (const name of ['locksLost', 'fileReplaced', 'fenced'] as const)
    db.events.on(name, () => void alarms?.push(name));
  return { db, attached, file, checkpoints: checkpoints ?? [], alarms: alarms ?? [] };
}

test('the hazard: better-sqlite3 commits behind a -wal that was cut', { skip: linux }, () => {
  const file = join(folder, `${count++}-raw.db`);
  const raw = new Native(file);
  raw.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (zeroblob(20000))');
  execFileSync('truncate', ['-s', '0', `${file}-wal`]);
  assert.equal(raw.prepare('INSERT INTO t VALUES (2)').run().changes, 1);
  raw.close();
});

describe('a journal mode that the application switches', () => {
  for (const [name, set] of Object.entries(ways)) {
    test(`to WAL for an attached database by ${name}: it is checkpointed from then on, and no program is blamed`, async () => {
      const { db, attached, checkpoints, alarms } = open();
      set(db, 'att', 'WAL');
      assert.equal(db.pragma('att.journal_mode', { simple: true }), 'wal');
      const insert = db.prepare('INSERT OR REPLACE INTO att.t VALUES (?, zeroblob(20000))');
      for (let row = 0; row < 50; row++) insert.run(row);
      await until(() => checkpoints.includes(attached), 'the attached database is checkpointed');
      assert.ok(statSync(`${attached}-wal`).size > 0);
      await sleep(300);
      assert.deepEqual(
        alarms.filter(code => code !== 'no-journal'),
        [],
      );
      db.close();
    });

    test(
      `to WAL by ${name}: a -wal that another program cuts at once is noticed before the next commit`,
      { skip: linux },
      () => {
        for (const schema of ['main', 'att']) {
          const { db, attached, file } = open();
          if (schema === 'main') set(db, schema, 'DELETE');
          set(db, schema, 'WAL');
          db.exec(`INSERT INTO ${schema}.t VALUES (1, zeroblob(20000))`);
          execFileSync('truncate', ['-s', '0', `${schema === 'main' ? file : attached}-wal`]);
          assert.throws(() => db.exec(`INSERT INTO ${schema}.t VALUES (2, 2)`), { code: 'SAFE_SQLITE_FILE_REPLACED' });
          db.close();
        }
      },
    );

    test(`back to a rollback journal by ${name}: no alarm, at once and in a user function`, async () => {
      const { db, alarms } = open();
      set(db, 'att', 'WAL');
      db.exec('INSERT INTO att.t VALUES (1, 1)');
      set(db, 'att', 'DELETE');
      assert.equal(db.pragma('att.journal_mode', { simple: true }), 'delete');
      db.function('tries', () => {
        try {
          db.exec('INSERT INTO att.t VALUES (2, 2)');
          return 'written';
        } catch (error) {
          return String(Reflect.get(error as object, 'code') ?? (error as Error).message);
        }
      });
      const said = String(db.prepare('SELECT tries()').pluck().get());
      assert.ok(!said.startsWith('SAFE_SQLITE_'), said);
      db.exec('INSERT INTO att.t VALUES (3, 3)');
      await sleep(100);
      assert.deepEqual(
        alarms.filter(code => code !== 'no-journal'),
        [],
      );
      db.close();
    });
  }

  test('a close right after it makes the last checkpoint itself, and the event names the attached file', () => {
    const { db, attached, checkpoints } = open();
    db.pragma('att.journal_mode = WAL');
    db.exec('INSERT INTO att.t VALUES (1, 1)');
    db.close();
    assert.ok(checkpoints.includes(attached), 'the attached database is checkpointed');
  });
});
