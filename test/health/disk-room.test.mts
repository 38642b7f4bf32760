/** Fills a small disk under a service with small writes: `db.health()` and the doctor give the same verdict. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Database, diagnose } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'disk-room-'));
const root = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'needs root, to mount';
after(() => {
  spawnSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true, force: true });
});

test('a disk that fills up: degraded before the first write fails, ok once there is room', { skip: root }, async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder]);
  const file = join(folder, 'app.db');
  const filler = join(folder, 'filler');
  const db = new Database(file, {
    logger: false,
    dangerously: { allowNonDurableFilesystem: 'this test fills a filesystem in memory' },
  });
  db.exec('CREATE TABLE t (a)');
  const insert = db.prepare('INSERT INTO t VALUES (1)');
  const free = (): number => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  const verdicts = async (): Promise<[status: string, reasons: string, doctor: string | undefined]> => {
    const { status, reasons } = db.health();
    const { findings } = await diagnose(file);
    const codes = new Set(['disk-full', 'disk-nearly-full']);
    return [status, reasons.join(' '), findings.find(({ code }) => codes.has(code))?.code];
  };

  assert.deepEqual(await verdicts(), ['ok', '', undefined]);
  const steps: readonly (readonly [leave: number, health: RegExp, doctor: string])[] = [
    [2_000_000, /is nearly full: 2\.0 MB of 67\.1 MB are free/, 'disk-nearly-full'],
    [500_000, /is full: \d+\.\d kB of 67\.1 MB are free/, 'disk-full'],
  ];
  for (const [leave, expected, code] of steps) {
    writeFileSync(filler, Buffer.alloc(free() - leave), { flag: 'a' });
    const [status, reasons, doctor] = await verdicts();
    assert.deepEqual([status, doctor], ['degraded', code]);
    assert.match(reasons, expected);
    insert.run(); // a small write still works, so that no failure tells of the disk
    assert.equal(db.health().fullAgeMs, null);
  }
  truncateSync(filler);
  assert.deepEqual(await verdicts(), ['ok', '', undefined]);
  db.close();
});
