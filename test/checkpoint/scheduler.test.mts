/** The scheduler on real files, with real threads and processes: when a checkpoint runs, and what is reported of it. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import {
  Database,
  type CheckpointBlockedEvent,
  type CheckpointEvent,
  type CheckpointFailedEvent,
  type DatabaseHealth,
} from 'safe-sqlite';
import { createFaultBench, faultsSkip, type FaultBench, type Scenario } from '../support/fault-shim.mts';

const program = join(import.meta.dirname, 'checkpoint.scenario.mts');
const skip = faultsSkip();

const KiB = 1024;
/** Small enough for a test: 16 KiB are some four commits of a page. */
const small = { walBytes: 16 * KiB, intervalMs: 100_000, truncateAboveBytes: 64 * 1024 * KiB };
/** A size that no test reaches, so that only the age counts. */
const byAge = { walBytes: 32 * 1024 * KiB, intervalMs: 60 };

async function started(bench: FaultBench, checkpoint: object | 'off', options: object = {}): Promise<Scenario> {
  const child = bench.start(program);
  await child.ask('open', { options: { checkpoint, ...options } });
  await child.ask('exec', { sql: 'CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, body)' });
  return child;
}

const path = (bench: FaultBench): string => join(bench.folder, 'app.db');

async function commit(child: Scenario, from: number, count: number, bytes = 3000): Promise<void> {
  for (let id = from; id < from + count; id += 1) await child.ask('insert', { id, bytes });
}

describe('the scheduler', { skip }, () => {
  test('SQLite itself throws the error of an automatic checkpoint away; here it is an event', async () => {
    using bench = createFaultBench();
    const raw = bench.start(program);
    await raw.ask('raw', {});
    await raw.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body); PRAGMA wal_autocheckpoint=1' });
    bench.faults.arm({ calls: 'write', path: '*/app.db', count: 'all', action: { fail: 'ENOSPC' } });
    await commit(raw, 1, 3);
    assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0, 'the checkpoint failed, and nobody was told');
    bench.faults.heal();
    await raw.ask('close', {});

    const ours = bench.start(program);
    await ours.ask('open', { options: { checkpoint: small } });
    bench.faults.arm({ calls: 'write', path: '*/app.db', count: 'all', action: { fail: 'ENOSPC' } });
    await commit(ours, 10, 8);
    const failed = await ours.ask<CheckpointFailedEvent>('until', { event: 'checkpointFailed' });
    assert.equal(Reflect.get(failed.error, 'code'), 'SQLITE_FULL');
    assert.equal(failed.willRetry, true);
    assert.equal(failed.consecutive, 1);
    // Asked for, so that the pauses in between do not count.
    for (let each = 0; each < 2; each += 1) await assert.rejects(ours.ask('checkpoint', {}), { code: 'SQLITE_FULL' });
    const { status, reasons } = await ours.ask<DatabaseHealth>('health');
    assert.equal(status, 'degraded');
    assert.ok(
      reasons.some(reason => /3 checkpoints failed with SQLITE_FULL/.test(reason)),
      reasons.join(),
    );
    bench.faults.heal();
    assert.equal((await ours.ask<CheckpointEvent>('checkpoint', {})).complete, true);
    await ours.ask('close', {});
  });

  test('runs by size', async () => {
    using bench = createFaultBench();
    const walBytes = 128 * KiB;
    const child = await started(bench, { ...small, walBytes });
    await commit(child, 1, 5);
    await child.ask('wait', 600);
    assert.deepEqual(await eventNames(child), []);
    // In one turn of the event loop: if a commit overtakes a checkpoint, the event has the frames of the last of several.
    await child.ask('commitsAndTurn', 40);
    const done = await child.ask<CheckpointEvent>('until', { event: 'checkpoint' });
    assert.equal(done.mode, 'passive');
    assert.equal(done.walFrames, done.checkpointedFrames);
    // A frame is a page of 4096 bytes and its header of 24.
    assert.ok(done.walFrames * 4120 >= walBytes);
  });

  test('polls right after a commit, before the gap to the next one is gone', async () => {
    using bench = createFaultBench();
    const child = await started(bench, { ...small, walBytes: 32 * KiB });
    // No timer of the scheduler runs within these few turns of the event loop.
    assert.deepEqual(await child.ask('commitsAndTurn', 32), { before: false, behind: true });
  });

  test('starts the WAL over in a loop of small commits that never yields', () => {
    // In memory: the loop is long, and syncs say nothing here.
    const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'checkpoint-'));
    const db = new Database(join(folder, 'a.db'), { logger: false });
    db.exec('CREATE TABLE t (a)');
    const insert = db.prepare('INSERT INTO t VALUES (1)');
    const commits = 9000;
    for (let number = 0; number < commits; number += 1) insert.run();
    const frames = statSync(`${db.name}-wal`).size / 4120;
    db.close();
    rmSync(folder, { recursive: true });
    assert.ok(frames > 1000 && frames < commits / 2, `${frames} frames`);
  });

  test('limits the WAL in a loop of large transactions that never yields', async () => {
    const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'checkpoint-'));
    const truncateAboveBytes = 4 * 1024 * KiB;
    const db = new Database(join(folder, 'a.db'), { logger: false, checkpoint: { truncateAboveBytes } });
    db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)');
    // The thread is there from now on.
    await db.checkpoint();
    const insert = db.prepare('INSERT OR REPLACE INTO t VALUES (?, zeroblob(1000000))');
    const transaction = db.transaction((id: number) => insert.run(id));
    for (let number = 0; number < 60; number += 1) transaction(number % 3);
    const { size } = statSync(`${db.name}-wal`);
    db.close();
    rmSync(folder, { recursive: true });
    assert.ok(size < 4 * truncateAboveBytes, `${size} bytes`);
  });

  test('runs by age, and not again while nothing is pending', async () => {
    using bench = createFaultBench();
    const child = await started(bench, byAge);
    await commit(child, 1, 1);
    await child.ask('until', { event: 'checkpoint' });
    await child.ask('wait', 300);
    const before = await eventNames(child);
    await child.ask('wait', 300);
    assert.deepEqual(await eventNames(child), []);
    assert.ok(before.length <= 2, before.join());
  });

  test('gives the space of a large WAL back after a complete checkpoint, once there is no reader', async () => {
    using bench = createFaultBench();
    const child = await started(bench, { ...small, truncateAboveBytes: 32 * KiB });
    await child.ask('transaction', { ids: [1, 2] });
    await child.ask('exec', {
      sql: 'WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 60) INSERT INTO t SELECT i, randomblob(3000) FROM n',
    });
    await child.ask('until', { event: 'checkpoint', having: { mode: 'truncate', complete: true } });
    assert.equal(await child.ask('walSize'), 0);
  });

  test('says how far a reader let it come, for how long, and that it was a reader', async () => {
    using bench = createFaultBench();
    const child = await started(bench, small);
    await commit(child, 1, 1);
    const reader = new Native(path(bench), { readonly: true });
    reader.exec('BEGIN');
    reader.prepare('SELECT * FROM t').all();
    await commit(child, 2, 8);
    const blocked = await child.ask<CheckpointBlockedEvent>('until', { event: 'checkpointBlocked', after: 1 });
    assert.equal(blocked.reason, 'reader');
    assert.equal(blocked.complete, false);
    assert.equal(blocked.consecutive, 2);
    assert.ok(blocked.blockedForMs > 0);
    assert.ok(blocked.checkpointedFrames < blocked.walFrames);
    reader.close();
    const done = await child.ask<CheckpointEvent>('until', { event: 'checkpoint' });
    assert.equal(done.complete, true);
  });

  test('leaves checkpoints to another program, and the WAL at close as well', async () => {
    using bench = createFaultBench();
    const child = await started(bench, { ...small, owner: 'external' });
    await commit(child, 1, 20);
    await child.ask('wait', 600);
    assert.deepEqual(await eventNames(child), []);
    assert.equal((await child.ask<DatabaseHealth>('health')).checkpoints?.owner, 'external');
    const size = await child.ask('walSize');
    await child.ask('close', {});
    assert.equal(await child.ask('walSize'), size);
  });

  test("'off' leaves them to db.checkpoint() and close()", async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'off');
    await commit(child, 1, 20);
    await child.ask('wait', 600);
    assert.deepEqual(await eventNames(child), []);
    assert.equal((await child.ask<CheckpointEvent>('checkpoint', {})).complete, true);
    await child.ask('close', {});
    assert.equal(await child.ask('walSize'), null);
  });

  test('in this thread, never while a transaction is open', async () => {
    using bench = createFaultBench();
    const child = await started(bench, { ...small, thread: 'main' });
    await commit(child, 1, 8);
    await child.ask('until', { event: 'checkpoint' });
    await child.ask('events');
    await child.ask('exec', { sql: 'BEGIN' });
    await commit(child, 20, 20);
    await child.ask('wait', 600);
    assert.deepEqual(await eventNames(child), []);
    await child.ask('exec', { sql: 'COMMIT' });
    await child.ask('until', { event: 'checkpoint' });
  });

  test('one for all connections of a file: every one of them hears of each checkpoint, once', async () => {
    using bench = createFaultBench();
    const child = await started(bench, small);
    await child.ask('open', { as: 'second', options: { checkpoint: small } });
    await commit(child, 1, 6);
    await child.ask('until', { event: 'checkpoint', after: 1 });
    await child.ask('wait', 400);
    const heard = (await child.ask<{ event: string; as: string }[]>('events')).filter(
      ({ event }) => event === 'checkpoint',
    );
    const count = (name: string): number => heard.filter(({ as }) => as === name).length;
    assert.equal(count('db'), count('second'));
    // The first one that closes leaves the WAL to the other.
    await commit(child, 20, 1);
    await child.ask('close', {});
    assert.ok(((await child.ask<number>('walSize')) ?? 0) > 0);
    await child.ask('close', { as: 'second' });
    assert.equal(await child.ask('walSize'), null);
  });

  test('two processes: both commit and checkpoint, nothing is lost', async () => {
    using bench = createFaultBench();
    const first = await started(bench, { ...small, intervalMs: 50 });
    const second = await started(bench, { ...small, intervalMs: 50 });
    await Promise.all([commit(first, 1, 60), commit(second, 1001, 60)]);
    await Promise.all([first.ask('close', {}), second.ask('close', {})]);
    const db = new Native(path(bench));
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 120);
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    db.close();
  });

  test('a loop of commits that never yields does not grow the WAL without a limit; raw without checkpoints does', async () => {
    const forMs = 1000;
    const limit = 64 * KiB;
    using rawBench = createFaultBench();
    const raw = rawBench.start(program);
    await raw.ask('raw', {});
    await raw.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body)' });
    const without = await raw.ask<{ commits: number; largest: number }>('burst', { forMs });
    assert.ok(without.largest > 10 * limit, `${without.commits} commits, ${without.largest} bytes`);

    using bench = createFaultBench();
    const child = await started(bench, { walBytes: 16 * KiB, intervalMs: 1000, truncateAboveBytes: limit });
    const { commits, largest } = await child.ask<{ commits: number; largest: number }>('burst', { forMs });
    assert.ok(largest < without.largest * 0.7, `${commits} commits, ${largest} of ${without.largest} bytes`);
  });

  for (const [what, fault, hint] of [
    ['too many open files', 'EMFILE', /ulimit -n/],
    ['no right to the file any more', 'EACCES', /rights of the file/],
  ] as const) {
    test(`${what}: a checkpoint that cannot open the file says so, fences nothing, and comes again`, async () => {
      using bench = createFaultBench();
      const child = await started(bench, small);
      bench.faults.arm({ calls: 'open', path: '*/app.db', count: 'all', action: { fail: fault } });
      await commit(child, 1, 8);
      const failed = await child.ask<CheckpointFailedEvent>('until', { event: 'checkpointFailed' });
      assert.equal(Reflect.get(failed.error, 'code'), 'SQLITE_CANTOPEN');
      assert.match(String(Reflect.get(failed.error, 'hint')), hint);
      assert.equal(failed.willRetry, true);
      await commit(child, 20, 1);
      bench.faults.heal();
      await child.ask('until', { event: 'checkpoint', having: { complete: true } });
    });
  }

  test('keeps no process alive', async () => {
    using bench = createFaultBench();
    const child = await started(bench, { ...small, intervalMs: 20 });
    await commit(child, 1, 10);
    await child.ask('until', { event: 'checkpoint' });
    await child.ask('fallOff');
    assert.deepEqual(await child.ended, { code: 0, signal: null }, child.stderr());
    assert.equal(existsSync(`${path(bench)}-wal`), false);
  });

  test('but a checkpoint that was asked for does, also while it waits for one in the background', async () => {
    using bench = createFaultBench();
    const child = await started(bench, small);
    bench.faults.arm({ calls: 'fsync', path: '*/app.db', action: 'hold' });
    await commit(child, 1, 10);
    await bench.hit();
    await child.ask('requestAndFallOff');
    bench.faults.heal();
    await child.ended;
    assert.deepEqual(child.reports, [{ complete: true }]);
  });

  test('a sync that fails is not tried again: the file is fenced, and the WAL stays; raw makes the second try', async () => {
    using rawBench = createFaultBench();
    const raw = rawBench.start(program);
    await raw.ask('raw', {});
    await raw.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body)' });
    await commit(raw, 1, 3);
    rawBench.faults.arm({ calls: 'fsync', path: '*/app.db-wal', action: { fail: 'EIO' } });
    await assert.rejects(raw.ask('all', { sql: 'PRAGMA wal_checkpoint' }), { code: 'SQLITE_IOERR_FSYNC' });
    await raw.ask('close', {});
    assert.equal(existsSync(`${path(rawBench)}-wal`), false);

    using bench = createFaultBench({ log: true });
    const child = await started(bench, 'off');
    await commit(child, 1, 3);
    bench.faults.arm({ calls: 'fsync', path: '*/app.db-wal', action: { fail: 'EIO' } });
    await assert.rejects(child.ask('checkpoint', {}), { code: 'SQLITE_IOERR_FSYNC' });
    await assert.rejects(child.ask('ids', {}), { code: 'SAFE_SQLITE_FENCED' });
    await child.ask('close', {});
    await child.ask('fallOff');
    await child.ended;
    assert.deepEqual(bench.faults.counters(), [{ seen: 1, hits: 1 }]);
    assert.equal(existsSync(`${path(bench)}-wal`), true);
  });

  test('the same in the background', async () => {
    using bench = createFaultBench();
    const child = await started(bench, small);
    // By path: the syncs of commits go on, the database's only comes from a checkpoint.
    bench.faults.arm({ calls: 'fsync', path: '*/app.db', action: { fail: 'EIO' } });
    await commit(child, 1, 3);
    await commit(child, 4, 3);
    const failed = await child.ask<CheckpointFailedEvent>('until', { event: 'checkpointFailed' });
    assert.equal(failed.willRetry, false);
    await child.ask('until', { event: 'fenced' });
    await assert.rejects(child.ask('ids', {}), { code: 'SAFE_SQLITE_FENCED' });
  });
});

async function eventNames(child: Scenario): Promise<string[]> {
  const events = await child.ask<{ event: string }[]>('events');
  return events.map(({ event }) => event).filter(name => name !== 'warning');
}
