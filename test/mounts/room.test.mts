// Small filesystems: whatever makes a copy looks at the room on the right one, first and while the copy grows, and the service writes on.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import Database, { BackupError, RestoreError, restoreDatabase, type Options } from 'safe-sqlite';
import { rescue } from '../../dist/sentinel/rescue.js';
import { folder, Native, names } from '../backup/fixture.mts';
import { until } from '../support/until.mts';
import { makeLab, whyNoMounts } from './lab.mts';

const skip = whyNoMounts('mkfs.ext4');
const mega = 1 << 20;

describe('a small filesystem', { skip }, () => {
  const lab = skip === false ? makeLab() : null;
  const disk = (bytes: number): string => {
    assert.ok(lab !== null);
    return lab.mount('-o', 'loop', lab.image(bytes, 'mkfs.ext4', '-q', '-m', '0'));
  };
  const free = (path: string): number => statfsSync(path).bavail * statfsSync(path).bsize;
  /** Leaves `bytes` free. */
  const fill = (path: string, bytes: number): void =>
    writeFileSync(join(path, 'ballast'), Buffer.alloc(Math.max(0, free(path) - bytes)));

  /** Another program takes so much at once, without blocking this thread, which looks at the room. */
  const taken = async (path: string, bytes: number): Promise<void> => {
    await promisify(execFile)('fallocate', ['-l', String(Math.floor(bytes)), join(path, 'ballast')]);
  };

  /** A database of `megabytes`, checkpointed. */
  async function service(path: string, megabytes: number, options: Partial<Options> = {}): Promise<Database.Database> {
    const db = new Database(path, { logger: false, ...options });
    db.exec('CREATE TABLE t (a)');
    const insert = db.prepare('INSERT INTO t VALUES (randomblob(4000))');
    for (let n = 0; n < megabytes; n += 1) {
      db.transaction(() => {
        for (let row = 0; row < 250; row += 1) insert.run();
      })();
      await db.checkpoint('truncate');
    }
    return db;
  }

  const refusal =
    (kind: typeof BackupError | typeof RestoreError, where: string) =>
    (error: unknown): boolean => {
      assert.ok(error instanceof kind, String(error));
      const { step, folder: at, freeBytes, neededBytes, reserveBytes } = error.details as Record<string, unknown>;
      assert.deepEqual([step, at], ['room', where]);
      assert.ok(Number(freeBytes) < Number(neededBytes) + Number(reserveBytes));
      return true;
    };

  test('the hazard: VACUUM INTO begins without a look, and fails when the disk is full', async () => {
    const home = disk(64 * mega);
    using db = await service(join(home, 'a.db'), 20);
    fill(home, 12 * mega);
    const raw = new Native(db.name, { readonly: true });
    assert.throws(() => raw.prepare('VACUUM INTO ?').run(join(home, 'copy.db')), { code: 'SQLITE_FULL' });
    raw.close();
  });

  test('a backup beside the database is refused before it begins, and no write of the service fails', async () => {
    const home = disk(64 * mega);
    using db = await service(join(home, 'a.db'), 20);
    fill(home, 12 * mega);
    const insert = db.prepare('INSERT INTO t VALUES (randomblob(4000))');
    let [going, stored] = [true, 0];
    const traffic = (async () => {
      while (going) {
        insert.run();
        stored += 1;
        await delay(1);
      }
    })();
    for (let n = 0; n < 3; n += 1) await assert.rejects(db.backup(join(home, 'copy.db')), refusal(BackupError, home));
    going = false;
    await traffic;
    assert.ok(stored > 0);
    assert.deepEqual(names(home), ['a.db', 'a.db-shm', 'a.db-wal', 'ballast', 'lost+found']);
  });

  test('a destination on another filesystem is judged by that one, and keeps no reserve there', async t => {
    const [small, home] = [disk(24 * mega), folder(t)];
    using db = await service(join(home, 'a.db'), 10);
    fill(small, 12 * mega);
    await db.backup(join(small, 'copy.db'));
    await assert.rejects(db.backup(join(small, 'again.db')), refusal(BackupError, small));
  });

  test('a schedule has the reserve as an option; without room it fails as `backupFailed`, with file and figures', async () => {
    const home = disk(64 * mega);
    const seed = await service(join(home, 'a.db'), 10);
    seed.close();
    fill(home, 16 * mega);
    for (const [reserveBytes, made] of [
      [undefined, false],
      [2 * mega, true],
    ] as const) {
      using db = new Database(join(home, 'a.db'), {
        logger: false,
        backup: { directory: join(home, 'backups'), ...(reserveBytes === undefined ? {} : { reserveBytes }) },
      });
      const failed: { path: string; error: Error }[] = [];
      db.events.on('backupFailed', event => failed.push(event));
      await until(() => db.health().backups?.running === false, 'the first run ends');
      assert.equal(db.health().backups?.lastBackup !== null, made);
      if (made) continue;
      const [first] = failed;
      assert.match(first?.path ?? '', /backups\/a-.*\.db$/);
      assert.ok(refusal(BackupError, join(home, 'backups'))(first?.error));
      assert.match(db.health().reasons.join(' '), /scheduled backup.* failed/);
      db.exec('INSERT INTO t VALUES (1)');
    }
  });

  test('a restore is refused before it begins, or stopped when another program takes the room; the old database stays', async t => {
    const [home, elsewhere] = [disk(200 * mega), folder(t)];
    const db = await service(join(home, 'a.db'), 1);
    db.exec("CREATE TABLE old AS SELECT 'the old one' AS text");
    db.close();
    const from = join(elsewhere, 'backup.db');
    (await service(from, 80)).close();
    const to = join(home, 'a.db');
    const before = names(home);
    const intact = (): void => {
      const old = new Native(to);
      assert.equal(old.prepare('SELECT text FROM old').pluck().get(), 'the old one');
      old.close();
      assert.equal(statSync(to).nlink, 1);
      assert.deepEqual(
        names(home).filter(name => name !== 'ballast'),
        before,
      );
    };
    fill(home, statSync(from).size + 2 * mega);
    await assert.rejects(restoreDatabase({ from, to }), refusal(RestoreError, home));
    intact();
    // The reserve is what is there beside the copy, so the first foreign megabytes go to its half.
    writeFileSync(join(home, 'ballast'), '');
    const reserveBytes = free(home) - statSync(from).size - 2 * mega;
    const restore = restoreDatabase({ from, to, reserveBytes, verify: 'full' });
    const outcome = restore.then(
      () => 'made',
      (error: unknown) => error,
    );
    await until(() => names(home).some(name => name.endsWith('.tmp')), 'the copy begins');
    // Less than half of the reserve stays, more than the copy writes until the room is asked for again.
    await taken(home, free(home) - reserveBytes * 0.45);
    const error = await outcome;
    assert.ok(error instanceof RestoreError, String(error));
    assert.equal(error.details['step'], 'room');
    await until(() => !names(home).some(name => name.endsWith('.tmp')), 'the copy is removed');
    intact();
    writeFileSync(join(home, 'ballast'), '');
    await restoreDatabase({ from, to });
  });

  test('a snapshot without room stops the change before it begins', async () => {
    const home = disk(64 * mega);
    using db = await service(join(home, 'a.db'), 20);
    fill(home, 12 * mega);
    let ran = false;
    await assert.rejects(
      db.withSnapshot(() => (ran = true)),
      refusal(BackupError, home),
    );
    assert.equal(ran, false);
  });

  test('a rescue goes to the first place with room, and leaves a place without any alone', async t => {
    const [home, other] = [disk(64 * mega), folder(t)];
    using db = await service(join(home, 'a.db'), 20);
    fill(home, 12 * mega);
    const raw = new Native(db.name);
    const before = free(home);
    const saved = rescue(raw, { schema: 'main', name: 'a.db', directories: [home, other] }, new Date());
    raw.close();
    assert.ok(saved.rescued);
    assert.deepEqual([dirname(saved.path), saved.problem], [other, null]);
    assert.ok(before - free(home) < mega);
    // Where there is room for the copy, and none for a reserve, a copy of the last rows comes first.
    writeFileSync(join(home, 'ballast'), '');
    fill(home, 22 * mega);
    const again = new Native(db.name);
    const second = rescue(again, { schema: 'main', name: 'a.db', directories: [home] }, new Date(1));
    again.close();
    assert.ok(second.rescued);
    const { path } = second;
    t.after(() => rmSync(path, { force: true }));
    assert.ok(existsSync(path));
  });

  test('VACUUM by exec is warned of where there is little room, also INTO a file, and nowhere else', async () => {
    const home = disk(64 * mega);
    using db = await service(join(home, 'a.db'), 12);
    const warned: Readonly<Record<string, unknown>>[] = [];
    db.events.on('warning', ({ code, details }) => code === 'little-room' && warned.push(details));
    db.exec('VACUUM');
    db.prepare('VACUUM INTO ?').run(join(home, 'roomy.db'));
    db.exec("SELECT 'VACUUM'");
    assert.deepEqual(warned, []);
    fill(home, 16 * mega);
    db.prepare('VACUUM INTO ?').run(join(home, 'narrow.db'));
    assert.equal(warned.length, 1);
    try {
      db.exec('SELECT 1; /* all of it */ VACUUM');
    } catch {
      // SQLite may have no room for it.
    }
    assert.equal(warned.length, 2);
    assert.deepEqual(
      warned.map(details => details['folder']),
      [home, home],
    );
  });
});
