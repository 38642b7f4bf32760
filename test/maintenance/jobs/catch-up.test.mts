/**
 * A checkpoint that a commit overtakes:
 *
 *     the thread                           the application
 *     copies the first page ... (held)
 *                                          INSERT: the WAL is longer than what is being copied
 *     copies the rest; the end of the WAL is further on, so the database is not synced
 *     once more: copies one commit, syncs the database
 *                                          INSERT: the WAL starts over
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import type { CheckpointEvent } from 'safe-sqlite';
import type { Action } from '../../faults/shim/control-file.mts';
import { createFaultBench, faultsSkip, type FaultBench, type Scenario } from '../../support/fault-shim.mts';

const program = join(import.meta.dirname, '../../checkpoint/checkpoint.scenario.mts');
const skip = faultsSkip();

/** Frames in the WAL, as a process sees it that only looks. */
function walFrames(bench: FaultBench): number {
  const db = new Native(join(bench.folder, 'app.db'), { readonly: true });
  const rows = db.pragma('wal_checkpoint(NOOP)') as { log: number }[];
  db.close();
  return rows[0]?.log ?? -1;
}

/** A database with an empty WAL, whose first page that is copied from now on waits. */
async function opened(bench: FaultBench, checkpoint: object | 'off'): Promise<Scenario> {
  const child = bench.start(program);
  await child.ask('open', { options: { checkpoint } });
  await child.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body)' });
  await child.ask('checkpoint', { mode: 'truncate' });
  await child.ask('events');
  bench.faults.arm({ calls: 'write', path: '*/app.db', action: 'hold' });
  return child;
}

/** The commit that overtakes; from then on the syncs of the database are counted, or fail. */
async function overtake(
  bench: FaultBench,
  child: Scenario,
  { meanwhile = () => {}, action = 'count' }: { meanwhile?: () => void; action?: Action } = {},
): Promise<void> {
  await bench.hit();
  await child.ask('insert', { id: 9, bytes: 3000 });
  meanwhile();
  bench.faults.arm({ calls: 'fsync', path: '*/app.db', count: 'all', action });
}

const syncs = (bench: FaultBench): number => bench.faults.counters()[0]?.seen ?? 0;

describe('a checkpoint that a commit overtakes', { skip }, () => {
  test('is complete, but by itself syncs nothing, and the WAL goes on', async () => {
    using bench = createFaultBench();
    const child = await opened(bench, 'off');
    for (let id = 1; id <= 8; id += 1) await child.ask('insert', { id, bytes: 3000 });
    const before = walFrames(bench);
    await child.ask('startCheckpoint');
    await overtake(bench, child);
    assert.equal((await child.ask<CheckpointEvent>('endCheckpoint')).complete, true);
    assert.equal(syncs(bench), 0);
    await child.ask('insert', { id: 10, bytes: 3000 });
    assert.ok(walFrames(bench) > before);
  });

  test('in the background is followed by another: the thread syncs the database, and the WAL starts over', async () => {
    using bench = createFaultBench();
    const child = await opened(bench, { walBytes: 16 * 1024, intervalMs: 100_000 });
    for (let id = 1; id <= 8; id += 1) await child.ask('insert', { id, bytes: 3000 });
    const before = walFrames(bench);
    await overtake(bench, child);
    await child.ask('until', { event: 'checkpoint', having: { complete: true } });
    // The long one behind the first, which SQLite leaves out, and SQLite's own behind the second.
    assert.equal(syncs(bench), 2);
    await child.ask('insert', { id: 10, bytes: 3000 });
    assert.ok(walFrames(bench) < before);
  });

  test('fences the file when the database cannot be synced', async () => {
    using bench = createFaultBench();
    const child = await opened(bench, { walBytes: 16 * 1024, intervalMs: 100_000 });
    for (let id = 1; id <= 8; id += 1) await child.ask('insert', { id, bytes: 3000 });
    await overtake(bench, child, { action: { fail: 'EIO' } });
    const failed = await child.ask<{ error: { code: string; name: string } }>('until', { event: 'checkpointFailed' });
    assert.equal(failed.error.code, 'SQLITE_IOERR_FSYNC');
    await child.ask('until', { event: 'fenced' });
    await child.ask('close', {});
    assert.ok((await child.ask<number>('walSize')) > 0);
  });

  test('is not followed by another on a file that was fenced meanwhile', async () => {
    using bench = createFaultBench();
    const child = await opened(bench, { walBytes: 16 * 1024, intervalMs: 100_000 });
    for (let id = 1; id <= 8; id += 1) await child.ask('insert', { id, bytes: 3000 });
    // As another process marks it.
    await overtake(bench, child, { meanwhile: () => writeFileSync(join(bench.folder, 'app.db-fenced'), '') });
    await child.ask('until', { event: 'fenced' });
    await child.ask('close', {});
    assert.equal(syncs(bench), 0);
    assert.ok((await child.ask<number>('walSize')) > 0);
  });

  test('waits for no commit when the application closes meanwhile', async () => {
    using bench = createFaultBench();
    const child = await opened(bench, { walBytes: 16 * 1024, intervalMs: 100_000 });
    for (let id = 1; id <= 8; id += 1) await child.ask('insert', { id, bytes: 3000 });
    await overtake(bench, child);
    await child.ask('close', {});
    assert.equal(await child.ask('walSize'), null);
    const db = new Native(join(bench.folder, 'app.db'));
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 9);
    db.close();
  });
});
