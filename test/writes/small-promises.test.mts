/** Tests what the write queue leaves behind: no listener, no timer, no process that goes on. */
import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SqliteBusyError } from '../../dist/errors/sqlite-errors.js';
import { createBench, inserter, outcomes } from './fixture.mts';

test('a signal that outlives its writes keeps no listener of them, whether they end well or not', async () => {
  using bench = createBench();
  const { db } = bench;
  const insert = inserter(db);
  const { signal } = new AbortController();
  const writes = Array.from({ length: 20 }, (_, index) => db.write(() => insert(index % 10), { signal }));
  assert.equal(getEventListeners(signal, 'abort').length, 20);
  const ends = await outcomes(writes);
  assert.equal(ends.filter(end => end instanceof Error).length, 10, 'the second half breaks UNIQUE');
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('attempts of a write that came late behind a lock are its own', async () => {
  // The retries end both writes, on a machine of any speed.
  using bench = createBench({ writes: { timeoutMs: 600_000, retries: 9, minDelayMs: 5, maxDelayMs: 20 } });
  const { db } = bench;
  const insert = inserter(db);
  const locker = await bench.locker();
  await locker.ask('exec', 'BEGIN IMMEDIATE');
  const tries: number[] = [];
  let late: Promise<unknown> | null = null;
  db.events.on('busy', ({ attempt }) => {
    tries.push(attempt);
    if (tries.length === 5) late = db.write(() => insert('late'));
  });
  const [early] = await outcomes([db.write(() => insert('early'))]);
  assert.ok(early instanceof SqliteBusyError);
  assert.ok(late !== null);
  const [end] = await outcomes([late]);
  assert.ok(end instanceof SqliteBusyError);
  const of = (error: SqliteBusyError): number => Number(error.details['attempts']);
  assert.deepEqual([of(early), of(end)], [10, 10]);
  // The two were tried together five times.
  assert.ok(tries.length >= 13, `${tries.length} attempts`);
});

test('a connection that closes while a write waits for a lock lets the process end', async t => {
  using bench = createBench();
  const locker = await bench.locker();
  await locker.ask('exec', 'BEGIN IMMEDIATE');
  const folder = mkdtempSync(join(tmpdir(), 'writes-end-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = `
    import { Database } from ${JSON.stringify(import.meta.resolve('safe-sqlite'))};
    const db = new Database(${JSON.stringify(bench.file)}, {
      logger: false, timeout: 10, writes: { timeoutMs: 600_000, minDelayMs: 500_000, maxDelayMs: 500_000 },
    });
    db.events.once('busy', () => setImmediate(() => db.close()));
    db.write(() => db.exec('INSERT INTO t (x) VALUES (1)')).catch(error => process.stdout.write(error.code));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
  assert.equal(said, 'SAFE_SQLITE_CLOSED');
});
