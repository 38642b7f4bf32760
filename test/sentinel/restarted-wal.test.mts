/**
 * A write past SQLite after the WAL has started over. A new round of the WAL leaves the database file as it is, so what the
 * sentinel remembers of its pages holds, whenever the round begins: at once behind a checkpoint, or after a rest.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { until } from '../support/until.mts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-restarted-wal-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

const fill = `CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
  WHERE i < 3000) INSERT INTO t SELECT i, 'old', hex(randomblob(20)) FROM n`;

/** By another process, which the process guard of this one does not stop. */
const strangers: Readonly<Record<string, (file: string, backup: string) => void>> = {
  'one byte in the middle': file => {
    const seek = Math.floor(statSync(file).size / 2);
    spawnSync('sh', ['-c', `printf Q | dd of="$1" bs=1 seek=${seek} conv=notrunc`, 'sh', file]);
  },
  'cp of an older backup': (file, backup) => void spawnSync('cp', [backup, file]),
};

test('raw better-sqlite3: acknowledged rows are gone after the cp, and it goes on', async () => {
  const file = join(mkdtempSync(join(folder, 'raw-')), 'app.db');
  const db = new Native(file);
  db.pragma('journal_mode = WAL');
  db.exec(fill);
  db.pragma('wal_checkpoint(TRUNCATE)');
  copyFileSync(file, `${file}.backup`);
  db.exec("UPDATE t SET a = 'new' WHERE id BETWEEN 1000 AND 1100");
  db.pragma('wal_checkpoint(PASSIVE)');
  db.exec("INSERT INTO t(a) VALUES ('x')");
  spawnSync('cp', [`${file}.backup`, file]);
  db.exec("INSERT INTO t(a) VALUES ('y')");
  db.close();
  const again = new Native(file);
  assert.equal(again.prepare("SELECT count(*) FROM t WHERE a = 'new'").pluck().get(), 0);
  again.close();
});

describe('after the WAL has started over', { skip: linux }, () => {
  // Milliseconds between the checkpoint and the commit with which the next round begins; how many rounds.
  const lives = [
    [0, 1],
    [20, 1],
    [400, 1],
    [60, 2],
  ] as const;
  for (const [name, change] of Object.entries(strangers)) {
    for (const [restMs, rounds] of lives) {
      test(`${name}, ${rounds} times ${restMs} ms after a checkpoint: noticed, and silent before`, async () => {
        const file = join(mkdtempSync(join(folder, 'life-')), 'app.db');
        const backup = `${file}.backup`;
        const db = new Database(file, {
          logger: false,
          checkpoint: { intervalMs: 3_600_000 },
          sentinel: { intervalMs: 30 },
        });
        const told: string[] = [];
        db.events.on('fileReplaced', ({ error }) => told.push(error.message));
        db.exec(fill);
        await db.checkpoint();
        await db.backup(backup);
        db.exec("UPDATE t SET a = 'new' WHERE id BETWEEN 1000 AND 1100");
        for (let round = 0; round < rounds; round++) {
          await db.checkpoint();
          await sleep(restMs);
          db.exec("INSERT INTO t(a) VALUES ('x')");
          // Turns of the event loop, in each of which a look may be due: some of them remember all pages.
          for (let turn = 0; turn < 20; turn++) await sleep(30);
        }
        assert.deepEqual(told, []);
        change(file, backup);
        await until(() => told.length > 0, 'the sentinel notices it');
        assert.throws(() => db.exec("INSERT INTO t(a) VALUES ('y')"), { code: 'SAFE_SQLITE_FILE_REPLACED' });
        db.close();
      });
    }
  }
});
