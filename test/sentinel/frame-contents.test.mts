/** A frame in the middle of a `-wal` that was changed is noticed; what SQLite itself does to a `-wal` is not. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database, restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { until } from '../support/until.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-frames-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const intervalMs = 50;
const rows = 40;

/** `rows` commits, none of which is in the database yet. */
function fill(db: Native.Database, pageSize: number): void {
  db.pragma(`page_size = ${pageSize}`);
  db.pragma('journal_mode = WAL');
  db.pragma('wal_autocheckpoint = 0');
  db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)');
  db.pragma('wal_checkpoint(TRUNCATE)');
  const insert = db.prepare('INSERT INTO t (a) VALUES (?)');
  for (let row = 0; row < rows; row += 1) insert.run('a'.repeat(pageSize / 4));
}

const open = (file: string): Database =>
  new Database(file, { logger: false, processGuard: 'off', checkpoint: 'off', sentinel: { intervalMs } });

/** Changes bytes as another program does, of a frame that is not the last one. */
function overwrite(file: string, offset: number, length: number): void {
  const script = `f=$(mktemp); tail -c +$(($2 + 1)) "$1" | head -c "$3" | tr '\\000-\\377' '\\001-\\377\\000' > "$f"
    dd if="$f" of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; rm "$f"`;
  execFileSync('sh', ['-ec', script, 'sh', `${file}-wal`, String(offset), String(length)]);
}

/** The rows that a crash leaves: what another process finds in a copy of the files. */
function afterCrash(file: string): number {
  const copy = join(mkdtempSync(join(folder, 'crash-')), 'a.db');
  for (const suffix of ['', '-wal']) copyFileSync(`${file}${suffix}`, `${copy}${suffix}`);
  const db = new Native(copy);
  const count = Number(db.prepare('SELECT count(*) FROM t').pluck().get());
  db.close();
  return count;
}

/** Offset in a frame, and bytes that are changed there. */
const parts: Record<string, (pageSize: number) => readonly [offset: number, length: number]> = {
  'a byte of the page': size => [24 + size / 2, 1],
  'the whole page': size => [24, size],
  'the page number': () => [3, 1],
  'the size of the database behind it': () => [7, 1],
  'the salts': () => [8, 8],
  'the checksum': () => [23, 1],
};
const frame = 5;

describe('a frame is changed', { skip: linux }, () => {
  for (const [what, part] of Object.entries(parts))
    for (const pageSize of what === 'a byte of the page' ? [512, 4096, 65_536] : [4096])
      test(`${what}, pages of ${pageSize}: a crash of raw loses commits, ours notices it`, async () => {
        const [inFrame, length] = part(pageSize);
        const offset = 32 + (frame - 1) * (24 + pageSize) + inFrame;
        const place = mkdtempSync(join(folder, 'a-'));
        const raw = new Native(join(place, 'raw.db'));
        fill(raw, pageSize);
        overwrite(raw.name, offset, length);
        assert.ok(afterCrash(raw.name) < rows);
        raw.close();

        const db = open(join(place, 'a.db'));
        fill(db, pageSize);
        const lost: (string | null)[] = [];
        db.events.on('fileReplaced', ({ rescued }) => void lost.push(rescued));
        await sleep(3 * intervalMs);
        assert.deepEqual(lost, []);
        overwrite(db.name, offset, length);
        await until(() => lost.length > 0, 'it is noticed');
        assert.throws(() => db.exec('DELETE FROM t'), { code: 'SAFE_SQLITE_FILE_REPLACED' });
        const rescued = new Native(String(lost[0]), { readonly: true });
        assert.equal(rescued.prepare('SELECT count(*) FROM t').pluck().get(), rows);
        rescued.close();
        db.close();
      });

  test('a checkpoint copies nothing', async () => {
    const db = open(join(mkdtempSync(join(folder, 'a-')), 'a.db'));
    fill(db, 4096);
    overwrite(db.name, 32 + (frame - 1) * 4120 + 2000, 1);
    await assert.rejects(() => db.checkpoint(), { code: 'SAFE_SQLITE_FILE_REPLACED' });
    db.close();
  });

  test('while commits go on', async () => {
    const db = open(join(mkdtempSync(join(folder, 'a-')), 'a.db'));
    fill(db, 4096);
    overwrite(db.name, 32 + (frame - 1) * 4120 + 2000, 1);
    await assert.rejects(
      async () => {
        for (let commit = 0; commit < 2000; commit += 1) {
          db.exec('INSERT INTO t (a) VALUES (1)');
          await sleep(1);
        }
      },
      { code: 'SAFE_SQLITE_FILE_REPLACED' },
    );
    db.close();
  });

  test('where nothing can be saved, the advice is a check and a backup, and it mends the database', async () => {
    const db = open(join(mkdtempSync(join(folder, 'a-')), 'a.db'));
    const backup = `${db.name}.backup`;
    db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)');
    const insert = db.prepare('INSERT INTO t (a) VALUES (?)');
    db.transaction(() => {
      for (let row = 0; row < 1200; row += 1) insert.run('x'.repeat(100));
    })();
    // The connection has none of the pages in its cache behind it.
    await db.checkpoint('truncate');
    await db.backup(backup);
    insert.run('behind the backup');
    await sleep(3 * intervalMs);
    execFileSync('dd', [
      'if=/dev/zero',
      `of=${db.name}`,
      'bs=4096',
      'seek=10',
      'count=1',
      'conv=notrunc',
      'status=none',
    ]);
    let told: Told | null = null;
    await until(() => (told = errorOf(() => insert.run('lost'))) !== null, 'the damage is noticed');
    const { code, details, hint } = told as unknown as Told;
    assert.equal(code, 'SAFE_SQLITE_FILE_REPLACED');
    assert.equal(details?.['rescued'], null);
    assert.match(String(hint), /safe-sqlite verify \S+ --full`.*safe-sqlite restore <backup> \S+`.*Keep \S+-wal/);
    db.close();
    assert.equal((await verifyDatabase(db.name, { level: 'full' })).ok, false);
    await restoreDatabase({ from: backup, to: db.name });
    const restored = open(db.name);
    assert.equal(restored.prepare('SELECT count(*) FROM t').pluck().get(), 1200);
    restored.close();
  });
});

describe('what SQLite and ordinary programs do', { skip: linux }, () => {
  /** Commits of another process, which checkpoints in each way and starts the `-wal` over. */
  const program = `
    const db = new (require('better-sqlite3'))(process.argv[1], { timeout: 5000 });
    db.pragma('wal_autocheckpoint = 0');
    const insert = db.prepare('INSERT INTO t (a) VALUES (?)');
    for (let round = 0; round < 300; round += 1) {
      db.transaction(() => { for (let row = 0; row < 1 + round % 9; row += 1) insert.run('b'.repeat(3000)); })();
      if (round % 5 === 0) db.pragma('wal_checkpoint(' + ['PASSIVE', 'RESTART', 'TRUNCATE'][round / 5 % 3] + ')');
    }
    db.close();`;

  const ordinary: Record<string, (db: Database) => unknown> = {
    'another process that commits and checkpoints': db =>
      once(spawn(process.execPath, ['-e', program, db.name], { cwd: import.meta.dirname, stdio: 'inherit' }), 'exit'),
    'a transaction larger than the cache, rolled back': db => {
      db.pragma('cache_size = 5');
      db.exec('BEGIN; SAVEPOINT s');
      const insert = db.prepare('INSERT INTO t (a) VALUES (?)');
      for (let row = 0; row < 200; row += 1) insert.run('c'.repeat(3000));
      db.exec('ROLLBACK TO s; INSERT INTO t (a) VALUES (1); ROLLBACK');
      db.exec('INSERT INTO t (a) VALUES (2)');
    },
    'a page that one transaction writes several times': db => {
      db.pragma('cache_size = 5');
      db.exec('BEGIN');
      const update = db.prepare('UPDATE t SET a = ? WHERE id = ?');
      for (let time = 0; time < 20; time += 1)
        for (let row = 1; row <= rows; row += 1) update.run(`${time}`.repeat(500), row);
      db.exec('COMMIT');
    },
    'touch and chmod': ({ name }) => {
      utimesSync(`${name}-wal`, 1, 1);
      chmodSync(`${name}-wal`, 0o600);
    },
    'the same bytes written again': ({ name }) =>
      execFileSync('dd', [`if=${name}-wal`, `of=${name}-wal`, 'bs=4120', 'count=9', 'conv=notrunc', 'status=none']),
  };
  for (const [what, act] of Object.entries(ordinary))
    test(`${what} raises no alarm`, async () => {
      const db = open(join(mkdtempSync(join(folder, 'a-')), 'a.db'));
      fill(db, 4096);
      const alarms: unknown[] = [];
      db.events.on('fileReplaced', event => void alarms.push(event));
      db.events.on('locksLost', event => void alarms.push(event));
      await sleep(2 * intervalMs);
      const ended: unknown = await act(db);
      if (Array.isArray(ended)) assert.equal(ended[0], 0);
      await sleep(4 * intervalMs);
      assert.equal((await db.checkpoint('truncate')).complete, true);
      assert.deepEqual(alarms, []);
      db.close();
    });
});

interface Told {
  readonly code?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly hint?: string;
}

function errorOf(run: () => unknown): Told | null {
  try {
    run();
    return null;
  } catch (error) {
    return error as Told;
  }
}
