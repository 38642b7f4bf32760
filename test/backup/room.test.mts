// A backup never takes the room of the service: it is refused before it begins, or stopped while it grows.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Database, { type BackupError } from 'safe-sqlite';
import { defaultReserve, hasRoom } from '../../dist/filesystem/room.js';
import { folder } from './fixture.mts';

const mega = 1 << 20;

describe('what is decided', () => {
  for (const [freeBytes, neededBytes, reserveBytes, expected] of [
    [100, 60, 40, true],
    [100, 60, 41, false],
    [0, 0, 0, true],
  ] as const) {
    test(`${freeBytes} free, ${neededBytes} needed, ${reserveBytes} in reserve: ${expected}`, () =>
      assert.equal(hasRoom({ freeBytes, neededBytes, reserveBytes }), expected));
  }

  test('the default reserve is 5 % of the filesystem of the database, at most 1 GiB, at least twice the WAL', () => {
    assert.equal(defaultReserve(1000 * mega, 4 * mega, true), 50 * mega);
    assert.equal(defaultReserve(100 * mega, 4 * mega, true), 8 * mega);
    assert.equal(defaultReserve(1e14, 4 * mega, true), 1024 * mega);
    assert.equal(defaultReserve(1e14, 4 * mega, false), 0);
  });
});

const skip = process.getuid?.() !== 0 && 'mounting a small filesystem needs root';
describe('a small filesystem', { skip }, () => {
  for (const method of ['vacuum-into', 'online'] as const) {
    test(`${method}: stopped when another program takes the room meanwhile, and what it wrote is given back`, async t => {
      const mount = join(folder(t), 'disk');
      mkdirSync(mount);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300m', 'tmpfs', mount]);
      try {
        using db = new Database(join(mount, 'a.db'), {
          logger: false,
          dangerously: { allowUnsyncedCommits: 'a test on tmpfs' },
        });
        db.exec(
          'CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) INSERT INTO t SELECT randomblob(3900) FROM n',
        );
        await db.checkpoint('truncate');
        const free = (): number => statfsSync(mount).bavail * statfsSync(mount).bsize;
        // The reserve is what is there beside the copy, so the first foreign megabytes go to its half.
        const reserveBytes = free() - 110 * mega;
        const backup = db.backup(join(mount, 'copy.db'), {
          method,
          reserveBytes,
          verify: 'off',
          ...(method === 'online' ? { pagesPerSecond: 2000 } : {}),
        });
        const outcome = backup.then(
          () => 'made',
          (error: BackupError) => error.details['step'],
        );
        writeFileSync(join(mount, 'foreign'), Buffer.alloc(Math.max(0, free() - reserveBytes / 4)));
        assert.equal(await outcome, 'room');
        db.exec('INSERT INTO t VALUES (randomblob(4000))');
      } finally {
        execFileSync('umount', ['-l', mount]);
      }
    });
  }
});
