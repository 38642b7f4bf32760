/** The error of every member of a batch when the disk fails: at COMMIT, and in the middle. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { createFaultBench, faultsSkip, startScenario, type FaultBench, type Scenario } from '../support/fault-shim.mts';

const program = join(import.meta.dirname, 'writer.scenario.mts');
const skip = faultsSkip();

interface Told {
  readonly id: number;
  readonly stored: boolean;
  readonly error?: { code: string; commitOutcome?: string; retryable?: boolean };
}

/** What a process that starts now finds in the file. */
function stored(file: string): unknown[] {
  const db = new Native(file, { readonly: true });
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return db.prepare('SELECT id FROM t ORDER BY id').pluck().all();
  } finally {
    db.close();
  }
}

async function started(bench: FaultBench, options: object = {}): Promise<{ child: Scenario; file: string }> {
  const file = join(bench.folder, 't.db');
  const child = bench.start(program);
  await child.ask('open', { file, ...options });
  await child.ask('batch', { ids: [1, 2], bytes: [] });
  return { child, file };
}

const codes = (told: readonly Told[]): string[] =>
  told.map(({ stored: is, error }) => (is ? 'stored' : `${error?.code} ${error?.commitOutcome}`));

describe('the disk fails under a batch', { skip }, () => {
  test('while it does not fail: 64 writes share one sync, where raw better-sqlite3 makes 64', async () => {
    using bench = createFaultBench();
    const { child, file } = await started(bench);
    const ids = Array.from({ length: 64 }, (_, index) => 100 + index);
    const syncs = (): number | undefined => bench.faults.counters()[0]?.seen;
    const arm = (): void =>
      bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*-wal', count: 'all', action: 'count' });
    arm();
    await child.ask('batch', { ids, bytes: [] });
    assert.equal(syncs(), 1);
    arm();
    await child.ask('oneByOne', { file, ids: ids.map(id => id + 100) });
    assert.equal(syncs(), 64);
  });

  test('the sync of the WAL at COMMIT: unknown for every write, and it is not repeated', async () => {
    using bench = createFaultBench();
    const { child, file } = await started(bench);
    bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*-wal', count: 'all', action: { fail: 'EIO' } });
    const told = await child.ask<Told[]>('batch', { ids: [3, 4, 5], bytes: [] });
    assert.deepEqual(codes(told), Array(3).fill('SQLITE_IOERR_FSYNC unknown'));
    assert.equal(bench.faults.counters()[0]?.seen, 1, 'one COMMIT, one sync, no second try');
    child.kill();
    await child.ended;
    // Unknown it is: they are all there or none of them.
    const rows = stored(file);
    assert.ok(rows.length === 2 || rows.length === 5, String(rows));
  });

  test('no space for the WAL at COMMIT: every write is rolled back, and the next batch is stored', async () => {
    using bench = createFaultBench();
    const { child, file } = await started(bench);
    bench.faults.arm({ calls: 'write', path: '*-wal', action: { fail: 'ENOSPC' } });
    const told = await child.ask<Told[]>('batch', { ids: [3, 4, 5], bytes: [] });
    assert.deepEqual(codes(told), Array(3).fill('SQLITE_FULL rolled-back'));
    assert.deepEqual(codes(await child.ask('batch', { ids: [6, 7], bytes: [] })), ['stored', 'stored']);
    child.kill();
    await child.ended;
    assert.deepEqual(stored(file), [1, 2, 6, 7]);
  });

  test('a write in the middle: those that had begun are rejected, those after them are stored', async () => {
    using bench = createFaultBench();
    // A cache of few pages: SQLite writes to the WAL long before COMMIT.
    const { child, file } = await started(bench, { pragmas: ['cache_size = 5'] });
    bench.faults.arm({ calls: 'write', path: '*-wal', action: { fail: 'EIO' } });
    const told = await child.ask<Told[]>('batch', { ids: [3, 4, 5, 6, 7], bytes: [10, 10, 200_000, 10, 10] });
    assert.deepEqual(codes(told.slice(0, 3)), Array(3).fill('SQLITE_IOERR_WRITE rolled-back'));
    for (const { id, stored: is } of told.slice(3)) assert.equal(stored(file).includes(id), is);
    child.kill();
    await child.ended;
    const rows = stored(file);
    assert.deepEqual(
      rows.filter(id => [3, 4, 5].includes(Number(id))),
      [],
    );
  });
});

test(
  'a small disk that fills up: what resolved is there, what was rejected is not',
  { skip: smallDiskSkip() },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', folder]);
    const file = join(folder, 't.db');
    const child = startScenario(program);
    try {
      await child.ask('open', { file });
      const told: Told[] = [];
      for (let batch = 0; batch < 40; batch += 1) {
        const ids = Array.from({ length: 8 }, (_, index) => batch * 8 + index);
        told.push(...(await child.ask<Told[]>('batch', { ids, bytes: ids.map(id => (id % 5 === 0 ? 9000 : 100)) })));
      }
      const resolved = told.filter(each => each.stored).map(({ id }) => id);
      const rejected = told.filter(each => !each.stored);
      assert.ok(resolved.length > 8 && rejected.length > 8);
      assert.ok(rejected.every(({ error }) => error?.code === 'SQLITE_FULL' && error.retryable !== undefined));
      assert.deepEqual(await child.ask('ids'), resolved);
      child.kill();
      await child.ended;
      assert.deepEqual(stored(file), resolved);
    } finally {
      child.kill();
      await child.ended;
      spawnSync('umount', [folder]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

/** Why no small filesystem can be mounted here. */
function smallDiskSkip(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'Mounting a small filesystem needs root on Linux.';
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
  try {
    const run = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder], { encoding: 'utf8' });
    if (run.status !== 0) return `A small filesystem cannot be mounted: ${run.stderr.trim()}`;
    writeFileSync(join(folder, 'probe'), '');
    const mounted = statSync(folder).dev !== statSync(tmpdir()).dev;
    spawnSync('umount', [folder]);
    return mounted ? false : 'The mount did not take place.';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
