/** Every way to change the files of a database past SQLite, on raw better-sqlite3 and on ours: who, what, how, when. */
import assert from 'node:assert/strict';
import { test, describe, after } from 'node:test';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { until } from '../support/until.mts';
import { changes, moments, tryChange, writersOf } from './changes.mts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-changes-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

/** Each change by each writer at one of the moments, in turn; at all of them in the long form (`npm run test:fuzz`), which CI runs. */
const long = process.env['LONG_TESTS'] !== undefined;
let pairs = 0;

describe('changed underneath, same inode', { skip: linux }, () => {
  for (const change of changes) {
    for (const writer of writersOf(change)) {
      const turn = moments[pairs++ % moments.length];
      for (const moment of moments) {
        if (!long && moment !== turn) continue;
        test(`${writer}, ${change.file}, ${change.name}, ${moment}`, async () => {
          // A checkpoint of raw better-sqlite3 mends some of them, and meets others.
          if (change.file !== '-shm' && moment !== 'checkpoint') {
            const raw = await tryChange('raw', { change, writer, moment, folder });
            assert.ok(raw.acknowledged > 0, 'raw better-sqlite3 acknowledges commits behind it');
          }
          const ours = await tryChange('ours', { change, writer, moment, folder });
          // What this process opened and closed has taken the locks away as well, which is noticed first.
          const locks = writer === 'this process' && change.file === 'database';
          assert.equal(ours.error, locks ? 'SAFE_SQLITE_LOCKS_LOST' : 'SAFE_SQLITE_FILE_REPLACED');
          assert.deepEqual(ours.events, [locks ? 'locksLost' : 'fileReplaced', 'fenced']);
          // Before the next commit, or at the latest before the next look.
          assert.equal(ours.acknowledged, 0);
          assert.equal(ours.checkpoints, 0, 'a checkpoint has copied something behind it');
        });
      }
    }
  }
});

/** Fields of the header of a `-wal`, by their offset: nothing reads them while a connection is open. */
const headerFields = { magic: 0, version: 4, 'page size': 8, checkpoints: 12, salts: 16, checksum: 24 } as const;

describe('another header of the -wal', { skip: linux }, () => {
  const other = (wal: string, field: number): void => {
    const changed = String.raw`\x${(((readFileSync(wal)[field + 3] ?? 0) + 1) % 256).toString(16).padStart(2, '0')}`;
    execFileSync('bash', [
      '-c',
      `printf '${changed}' | dd of="$1" bs=1 seek=${field + 3} conv=notrunc 2>/dev/null`,
      '-',
      wal,
    ]);
  };

  /** A copy of the files, as they lie after a power cut: its number of rows. */
  const rowsAfterCrash = (file: string): number | null => {
    const copy = join(mkdtempSync(join(folder, 'crash-')), 'app.db');
    for (const suffix of ['', '-wal']) copyFileSync(`${file}${suffix}`, `${copy}${suffix}`);
    const db = new Native(copy);
    try {
      return Number(db.prepare('SELECT count(*) FROM t').pluck().get());
    } catch {
      return null; // The table is in the -wal only.
    } finally {
      db.close();
    }
  };

  for (const [name, field] of Object.entries(headerFields)) {
    test(`${name}: a crash of raw better-sqlite3 loses every commit, ours notices and saves them`, async () => {
      const place = mkdtempSync(join(folder, 'header-'));
      const raw = new Native(join(place, 'raw.db'));
      raw.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)');
      other(`${raw.name}-wal`, field);
      raw.exec('INSERT INTO t VALUES (2)');
      assert.equal(rowsAfterCrash(raw.name), null);
      raw.close();

      const db = new Database(join(place, 'ours.db'), {
        logger: false,
        processGuard: 'off',
        sentinel: { intervalMs: 20 },
      });
      const rescued: (string | null)[] = [];
      db.events.on('fileReplaced', event => void rescued.push(event.rescued));
      db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
      await new Promise(resolve => setTimeout(resolve, 100));
      assert.deepEqual(rescued, [], 'no alarm before');
      other(`${db.name}-wal`, field);
      await until(() => rescued.length > 0, 'it is noticed');
      const copy = new Native(String(rescued[0]), { readonly: true });
      assert.equal(copy.prepare('SELECT count(*) FROM t').pluck().get(), 1);
      copy.close();
      db.close();
    });
  }
});
