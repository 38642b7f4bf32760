/**
 * A thread that closes a connection takes the locks of another thread away, without any foreign code.
 *
 * SQLite looks whether this process has locks on the file, and then closes the descriptor; it holds another mutex for the
 * second than the one under which locks are taken (os_unix.c, unixClose and unixLock, 3.54.1):
 *
 *   worker                                main thread
 *   close(): no locks on the file
 *                                         BEGIN IMMEDIATE, INSERT: SHARED and RESERVED
 *   close(2): POSIX drops all locks
 *                                         COMMIT, while another process may write as well
 *
 * It needs a moment without locks, so rollback mode, or a WAL database that no other connection of the process has read.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { createFaultBench, faultsSkip, type FaultBench, type Scenario } from '../support/fault-shim.mts';

const program = fileURLToPath(new URL('closing-race.scenario.mts', import.meta.url));
const skip = faultsSkip();

async function loseLocks(bench: FaultBench, ours: boolean): Promise<{ scenario: Scenario; file: string }> {
  const file = join(bench.folder, 'app.db');
  const scenario = bench.start(program, { execArgv: ['--no-warnings'] });
  await scenario.ask('open', { file, ours });
  await scenario.ask('openInWorker');
  bench.faults.arm({ calls: 'close', path: '*/app.db', action: 'hold' });
  await scenario.ask('closeInWorker');
  await bench.hit();
  await scenario.ask('exec', 'BEGIN IMMEDIATE');
  await scenario.ask('exec', 'INSERT INTO t VALUES (1)');
  assert.equal(await scenario.ask('locks'), 2);
  bench.faults.heal();
  await scenario.ask('closed');
  assert.equal(await scenario.ask('locks'), 0);
  return { scenario, file };
}

test('raw better-sqlite3: another process writes in the middle of the transaction', { skip }, async () => {
  using bench = createFaultBench();
  const { file } = await loseLocks(bench, false);
  const other = new Native(file, { timeout: 0 });
  other.exec('BEGIN IMMEDIATE');
  other.exec('ROLLBACK');
  other.close();
});

test('our own thread closes while the application stands still: nothing is lost', { skip }, async () => {
  using bench = createFaultBench();
  const file = join(bench.folder, 'app.db');
  const scenario = bench.start(program, { execArgv: ['--no-warnings'] });
  await scenario.ask('open', { file, ours: true });
  bench.faults.arm({ calls: 'close', path: '*/app.db', action: 'hold' });
  await scenario.ask('startVerify');
  await bench.hit();
  const begun = scenario.ask('exec', 'BEGIN IMMEDIATE').then(() => scenario.ask('exec', 'INSERT INTO t VALUES (1)'));
  // It would come through at once; here it waits for the close.
  await Promise.race([begun, delay(300)]);
  bench.faults.heal();
  await begun;
  assert.equal(await scenario.ask('endVerify'), true);
  assert.equal(await scenario.ask('locks'), 2);
  await scenario.ask('exec', 'COMMIT');
});

test('the second thread that opens it with a rollback journal is warned, once', { skip }, async () => {
  using bench = createFaultBench();
  const scenario = bench.start(program, { execArgv: ['--no-warnings'] });
  const warnings = (path: string, journalMode: string) =>
    scenario.ask<string[]>('warningsInThreads', { file: join(bench.folder, path), journalMode });
  assert.deepEqual(await warnings('rollback.db', 'rollback'), ['rollback-journal-in-several-threads']);
  assert.deepEqual(await warnings('wal.db', 'wal'), []);
});

test('the sentinel sees it before the commit', { skip }, async () => {
  using bench = createFaultBench();
  const { scenario } = await loseLocks(bench, true);
  await assert.rejects(scenario.ask('exec', 'COMMIT'), { name: 'LocksLostError' });
});
