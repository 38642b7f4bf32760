// Counts how often one COMMIT waits for the disk: what docs/checkpoint-latency.md says cannot be had follows from it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createFaultBench, faultsSkip, type FaultBench, type Scenario } from '../support/fault-shim.mts';

const program = join(import.meta.dirname, 'checkpoint.scenario.mts');

const insert = 'INSERT INTO t (body) VALUES (randomblob(3000))';

async function syncsOf(bench: FaultBench, child: Scenario, sql: string): Promise<number | undefined> {
  bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*/app.db*', count: 'all', action: 'count' });
  await child.ask('exec', { sql });
  return bench.faults.counters()[0]?.seen;
}

async function started(bench: FaultBench, open: 'raw' | 'open'): Promise<Scenario> {
  const child = bench.start(program);
  await child.ask(open, { options: { checkpoint: 'off' } });
  await child.ask('exec', { sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, body)' });
  await child.ask('exec', { sql: insert });
  return child;
}

describe('the syncs of one COMMIT in WAL mode', { skip: faultsSkip() }, () => {
  test('better-sqlite3: one; three where it checkpoints; two where the WAL starts over after that', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'raw');
    assert.equal(await syncsOf(bench, child, insert), 1);
    await child.ask('exec', { sql: 'PRAGMA wal_autocheckpoint = 1' });
    assert.equal(await syncsOf(bench, child, insert), 3);
    await child.ask('exec', { sql: 'PRAGMA wal_autocheckpoint = 0' });
    assert.equal(await syncsOf(bench, child, insert), 2);
  });

  test('this library: one; two where the WAL starts over after a checkpoint in another thread', async () => {
    using bench = createFaultBench();
    const child = await started(bench, 'open');
    assert.equal(await syncsOf(bench, child, insert), 1);
    await child.ask('checkpoint', { mode: 'passive' });
    assert.equal(await syncsOf(bench, child, insert), 2);
    assert.equal(await syncsOf(bench, child, insert), 1);
  });
});
