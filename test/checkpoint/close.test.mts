/** close(): the last checkpoint, what is reported when it fails, and when it must not run. */
import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Native from 'better-sqlite3';
import type { CheckpointFailedEvent } from 'safe-sqlite';
import {
  createFaultBench,
  faultsSkip,
  type FaultBench,
  type FaultRule,
  type Scenario,
} from '../support/fault-shim.mts';
import { until } from '../support/until.mts';

const program = join(import.meta.dirname, 'checkpoint.scenario.mts');
const skip = faultsSkip();

const path = (bench: FaultBench, suffix = ''): string => join(bench.folder, `app.db${suffix}`);
const left = (bench: FaultBench): string[] => ['-wal', '-shm', '-fenced'].filter(each => existsSync(path(bench, each)));

async function started(bench: FaultBench, subject: 'raw' | 'open' = 'open', options: object = {}): Promise<Scenario> {
  const child = bench.start(program);
  await child.ask(subject, { options: { checkpoint: 'off', ...options } });
  await child.ask('exec', { sql: 'CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, body)' });
  await child.ask('insert', { id: 1 });
  return child;
}

function ids(bench: FaultBench): unknown[] {
  const db = new Native(path(bench));
  try {
    return db.prepare('SELECT id FROM t ORDER BY id').pluck().all();
  } finally {
    db.close();
  }
}

const databaseSync: FaultRule = { calls: 'fsync', path: '*/app.db', action: { fail: 'EIO' } };
const fullDisk: FaultRule = { calls: 'write', path: '*/app.db', count: 'all', action: { fail: 'ENOSPC' } };

describe('close()', { skip }, () => {
  test('copies what is left and leaves no -wal', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    await child.ask('close', {});
    assert.deepEqual(left(bench), []);
    assert.deepEqual(ids(bench), [1]);
  });

  test('a sync that fails: raw says nothing; this library throws, fences and leaves the WAL', async () => {
    using rawBench = createFaultBench();
    const raw = await started(rawBench, 'raw');
    rawBench.faults.arm(databaseSync);
    await raw.ask('close', {});
    assert.equal(rawBench.faults.counters()[0]?.hits, 1);

    using bench = createFaultBench();
    const child = await started(bench);
    bench.faults.arm(databaseSync);
    await assert.rejects(child.ask('close', {}), { code: 'SQLITE_IOERR_FSYNC' });
    assert.equal(await child.ask('isOpen', {}), false);
    assert.deepEqual(left(bench), ['-wal', '-shm', '-fenced']);
    await child.ask('fallOff');
    await child.ended;
    // One sync, one failure, no second try.
    assert.deepEqual(bench.faults.counters(), [{ seen: 1, hits: 1 }]);
    assert.deepEqual(left(bench), ['-wal', '-shm', '-fenced']);
  });

  test('a full disk: raw says nothing; this library reports it, and everything stays in the WAL', async () => {
    using bench = createFaultBench();
    // Automatic checkpoints: while the connection is open, a failed one is tried again.
    const child = await started(bench, 'open', { checkpoint: {} });
    bench.faults.arm(fullDisk);
    await child.ask('close', {});
    const failed = await child.ask<CheckpointFailedEvent>('until', { event: 'checkpointFailed' });
    assert.equal(Reflect.get(failed.error, 'code'), 'SQLITE_FULL');
    assert.equal(failed.willRetry, false);
    assert.deepEqual(left(bench), ['-wal', '-shm']);
    bench.faults.heal();
    assert.deepEqual(ids(bench), [1]);
  });

  test('a checkpoint that failed is the last one: SQLite makes none behind it, though the disk has room again', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    bench.faults.arm({ ...fullDisk, count: 1 });
    await child.ask('close', {});
    const failed = await child.ask<CheckpointFailedEvent>('until', { event: 'checkpointFailed' });
    assert.equal(Reflect.get(failed.error, 'code'), 'SQLITE_FULL');
    assert.equal(bench.faults.counters()[0]?.hits, 1);
    assert.deepEqual(left(bench), ['-wal', '-shm']);
    assert.deepEqual(ids(bench), [1]);
  });

  test('rolls an open transaction back first', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    await child.ask('exec', { sql: 'BEGIN; INSERT INTO t VALUES (2, NULL)' });
    await child.ask('close', {});
    assert.deepEqual(left(bench), []);
    assert.deepEqual(ids(bench), [1]);
  });

  test('leaves the WAL to another process that reads, without an error', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    const reader = new Native(path(bench));
    reader.exec('BEGIN; SELECT * FROM t');
    await child.ask('insert', { id: 2 });
    await child.ask('close', {});
    assert.ok(statSync(path(bench, '-wal')).size > 0);
    reader.close();
    assert.deepEqual(ids(bench), [1, 2]);
  });

  test('waits for the checkpoint that runs in the thread: its connection must not be the last one', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    bench.faults.arm({ calls: 'fsync', path: '*/app.db', action: 'hold' });
    const gate = join(bench.folder, 'gate');
    const checkpoint = child.ask('checkpointAndClose', gate);
    await bench.hit();
    writeFileSync(gate, '');
    // The thread stands in its fsync, and close() waits for it.
    const early = await Promise.race([checkpoint.then(() => 'closed'), delay(300).then(() => 'waiting')]);
    assert.equal(early, 'waiting');
    bench.faults.heal();
    assert.deepEqual(await checkpoint, { complete: true });
    assert.deepEqual(left(bench), []);
  });

  test('takes a checkpoint back that has not begun', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    const ends = await child.ask<string[]>('checkpointsAndClose', 3);
    // Those that the close overtook are rejected as calls on a closed handle.
    assert.ok(
      ends.every(end => end === 'done' || end === 'SAFE_SQLITE_CLOSED'),
      ends.join(),
    );
    assert.equal(ends.at(-1), 'SAFE_SQLITE_CLOSED');
    assert.deepEqual(left(bench), []);
  });

  test('the thread of a checkpoint that failed closes without a second one, also when it is the last', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    bench.faults.arm({ calls: 'fsync', path: '*/app.db', action: 'hold' });
    const ended = child.ask('checkpoint', {}).catch((error: unknown) => error);
    await bench.hit();
    bench.faults.arm({ ...databaseSync, count: 'all' });
    assert.equal(Reflect.get((await ended) as object, 'code') ?? 'none', 'none');
    // The held call went on; the next checkpoint is the one that fails.
    await child.ask('insert', { id: 2 });
    await assert.rejects(child.ask('checkpoint', {}), { code: 'SQLITE_IOERR_FSYNC' });
    await child.ask('fallOff');
    await child.ended;
    assert.equal(bench.faults.counters()[0]?.hits, 1);
    assert.deepEqual(left(bench), ['-wal', '-shm', '-fenced']);
  });

  test('a file that is attached under a second name: the last checkpoint is made, and its failure is thrown', async () => {
    using bench = createFaultBench();
    const child = await started(bench);
    await child.ask('attach', { name: 'again', path: path(bench) });
    bench.faults.arm(databaseSync);
    await assert.rejects(child.ask('close', {}), { code: 'SQLITE_IOERR_FSYNC' });
    assert.deepEqual(left(bench), ['-wal', '-shm', '-fenced']);
  });

  test('an attached database: checkpointed in the background, at DETACH and at close', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open', { checkpoint: { walBytes: 8192, intervalMs: 100_000 } });
    const other = path(bench).replace('app.db', 'other.db');
    const made = new Native(other);
    made.exec('PRAGMA journal_mode=WAL; CREATE TABLE o(a)');
    made.close();
    await child.ask('attach', { name: 'other', path: other });
    for (let row = 0; row < 10; row += 1) {
      await child.ask('exec', { sql: 'INSERT INTO other.o VALUES (randomblob(3000))' });
    }
    const checkpoint = { calls: 'fsync', path: '*/other.db', action: 'count' } as const;
    bench.faults.arm(checkpoint);
    await until(() => bench.faults.counters()[0]?.seen !== 0, 'it is synced');
    await child.ask('exec', { sql: 'INSERT INTO other.o VALUES (1)' });
    await child.ask('exec', { sql: 'DETACH other' });
    assert.equal(existsSync(`${other}-wal`), false);
    await child.ask('attach', { name: 'again', path: other });
    await child.ask('exec', { sql: 'INSERT INTO again.o VALUES (2)' });
    bench.faults.arm({ ...databaseSync, path: '*/other.db' });
    await assert.rejects(child.ask('detach', { name: 'again' }), { code: 'SQLITE_IOERR_FSYNC' });
    // The connection has both files, and the fault may be in either.
    await assert.rejects(child.ask('ids', {}), { code: 'SAFE_SQLITE_FENCED' });
    assert.equal(existsSync(`${other}-fenced`), true);
    assert.equal(existsSync(`${other}-wal`), true);
  });
});

describe('an open that fails', { skip }, () => {
  /** The WAL of a process that was killed, after an open in which the n-th read of the WAL failed. */
  async function afterFailedRead(subject: 'raw' | 'open', nth: number): Promise<boolean> {
    using bench = createFaultBench();
    const crashed = await started(bench);
    crashed.kill();
    await crashed.ended;
    const child = bench.start(program);
    bench.faults.arm({ calls: 'read', path: '*/app.db-wal', nth, action: { fail: 'EIO' } });
    const failed = await child.ask('openAndGiveUp', subject).then(
      () => false,
      () => true,
    );
    assert.equal(failed, true, `read ${nth} of ${subject}`);
    return existsSync(path(bench, '-wal'));
  }

  test('leaves the WAL of the last process as it is when it closes again; raw checkpoints it', async () => {
    for (const nth of [1, 5]) {
      assert.equal(await afterFailedRead('raw', nth), false, `read ${nth}`);
      assert.equal(await afterFailedRead('open', nth), true, `read ${nth}`);
    }
  });
});
