// The host of the maintenance thread: real thread, real files, real processes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import { runJob, waitForCheckpoints, startJob } from '../../dist/maintenance/jobs-client.js';
import { runJobInline, runJobSync } from '../../dist/maintenance/run-inline.js';
import { descriptorsOn } from '../../dist/proc/descriptors.js';
import { dist, folder, identityOf, Native, require, walDatabase } from './fixture.mts';
import { until } from '../support/until.mts';

const checkpointOf = (file: string, mode: 'passive' | 'truncate' = 'passive') =>
  ({ kind: 'checkpoint', file, identity: identityOf(file), mode, busyTimeoutMs: 0 }) as const;

/** A program for a child process, with what it needs in scope. */
function run(body: string, args: string[] = []) {
  const program = `
    const { runJob, startJob } = require(${JSON.stringify(dist('maintenance/jobs-client.js'))});
    const Native = require(${JSON.stringify(require.resolve('better-sqlite3'))});
    const { statSync } = require('node:fs');
    const identity = file => { const { dev, ino } = statSync(file, { bigint: true }); return { dev, ino }; };
    ${body}`;
  return spawnSync(process.execPath, [...args, '-e', program], { encoding: 'utf8', timeout: 60_000 });
}

/** Waits until the thread has opened the database beside the test's own two connections. */
async function untilOpenInThread(file: string): Promise<void> {
  const opened = () => {
    const found = descriptorsOn(identityOf(file));
    return !found.supported || found.descriptors.length > 2;
  };
  await until(opened, 'the thread has the database open', { everyMs: 0 });
}

describe('checkpoint job', () => {
  test('copies all frames, and truncates the WAL when asked', async t => {
    const file = join(folder(t), 'a.db');
    walDatabase(t, file, 50);
    const passive = await runJob(checkpointOf(file));
    assert.equal(passive.complete, true);
    assert.ok(passive.walFrames > 0);
    assert.equal(passive.checkpointedFrames, passive.walFrames);
    assert.ok(passive.walBytes > 0);
    const truncated = await runJob(checkpointOf(file, 'truncate'));
    assert.deepEqual(
      { ...truncated, durationMs: 0 },
      {
        mode: 'truncate',
        complete: true,
        busy: false,
        walFrames: 0,
        checkpointedFrames: 0,
        walBytes: 0,
        durationMs: 0,
      },
    );
  });

  test('says that it is not complete when a reader is in the way, though SQLite answers busy=0', async t => {
    const file = join(folder(t), 'a.db');
    const db = walDatabase(t, file, 1);
    const reader = new Native(file);
    t.after(() => reader.close());
    reader.exec('BEGIN; SELECT count(*) FROM item');
    db.exec('INSERT INTO item (body) VALUES (randomblob(10))');
    const result = await runJob(checkpointOf(file));
    assert.equal(result.busy, false);
    assert.equal(result.complete, false);
    assert.ok(result.checkpointedFrames < result.walFrames);
    const truncate = await runJob(checkpointOf(file, 'truncate'));
    assert.equal(truncate.busy, true);
    assert.equal(truncate.complete, false);
  });

  test('is complete for a database that is not in WAL mode', async t => {
    const file = join(folder(t), 'a.db');
    const db = new Native(file);
    t.after(() => db.close());
    db.exec('CREATE TABLE t (a)');
    const result = await runJob(checkpointOf(file));
    assert.deepEqual([result.complete, result.walFrames, result.walBytes], [true, 0, 0]);
  });

  test('leaves -wal and -shm where they are when its connection closes', async t => {
    const file = join(folder(t), 'a.db');
    walDatabase(t, file, 5);
    await runJob(checkpointOf(file));
    assert.ok(existsSync(`${file}-wal`) && existsSync(`${file}-shm`));
  });

  const renamed = process.platform === 'win32' && 'Windows renames no file that is open';

  test('refuses a path that now names another file, and does not touch that file', { skip: renamed }, async t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    walDatabase(t, file, 1);
    const job = checkpointOf(file);
    renameSync(file, join(home, 'moved.db'));
    await assert.rejects(runJob(job), { code: 'SAFE_SQLITE_FILE_REPLACED' });
    writeFileSync(file, '');
    await assert.rejects(runJob(job), { code: 'SAFE_SQLITE_FILE_REPLACED' });
    assert.throws(() => runJobSync(job), { code: 'SAFE_SQLITE_FILE_REPLACED' });
  });

  test('rejects with the error of SQLite, also when the file is no database', async t => {
    const file = join(folder(t), 'a.db');
    writeFileSync(file, 'x'.repeat(8192));
    await assert.rejects(runJob(checkpointOf(file)), (error: Error & { code: string }) => {
      assert.ok(error instanceof Native.SqliteError);
      return error.code === 'SQLITE_NOTADB';
    });
  });

  test('gives the same in the calling thread', async t => {
    const file = join(folder(t), 'a.db');
    walDatabase(t, file, 5);
    assert.equal(runJobSync(checkpointOf(file)).complete, true);
    assert.equal((await runJobInline(checkpointOf(file))).complete, true);
  });
});

describe('settling before a close', () => {
  test('takes back what has not begun, and waits for what runs', async t => {
    const file = join(folder(t), 'a.db');
    const db = walDatabase(t, file, 5);
    // A reader keeps the first job waiting inside SQLite, so the others cannot have begun.
    const reader = new Native(file);
    reader.exec('BEGIN; SELECT count(*) FROM item');
    db.exec('INSERT INTO item (body) VALUES (randomblob(10))');
    const jobs = [300, 0, 0].map(busyTimeoutMs => startJob({ ...checkpointOf(file, 'truncate'), busyTimeoutMs }));
    const results = Promise.allSettled(jobs.map(job => job.result));
    // Gate: the first is inside SQLite as soon as its connection has the file open.
    await untilOpenInThread(file);
    const started = performance.now();
    assert.equal(waitForCheckpoints(file, 20), false, 'it gives up when it takes too long');
    assert.equal(waitForCheckpoints(file, 10_000), true);
    assert.ok(performance.now() - started < 5000);
    reader.close();
    // No turn of the event loop has passed, and yet no connection of the thread is open any more.
    assert.equal(db.pragma('journal_mode=DELETE', { simple: true }), 'delete');
    const [first, ...others] = await results;
    assert.equal(first?.status === 'fulfilled' && first.value.busy, true);
    assert.deepEqual(
      others.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
  });
});

describe('abort', () => {
  test('rejects with the reason of the signal, before the start and while a copy runs', async t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    walDatabase(t, file, 5000);
    const job = {
      kind: 'online-backup',
      file,
      identity: identityOf(file),
      destination: join(home, 'copy.db'),
      busyTimeoutMs: 0,
      pagesPerSecond: 100,
      steered: false,
    } as const;
    await assert.rejects(runJob(job, { signal: AbortSignal.abort(new Error('too early')) }), /too early/);
    const abort = new AbortController();
    const reason = new Error('enough');
    const running = startJob(job, {
      signal: abort.signal,
      onProgress: progress => {
        if (progress.step === 'copied' && progress.remainingPages < progress.totalPages) abort.abort(reason);
      },
    });
    await assert.rejects(running.result, error => error === reason);
    await running.over;
  });

  test('a progress listener that throws ends the copy with its error', async t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    walDatabase(t, file, 500);
    const wrong = new Error('listener');
    const running = startJob(
      {
        kind: 'online-backup',
        file,
        identity: null,
        destination: join(home, 'copy.db'),
        busyTimeoutMs: 0,
        pagesPerSecond: null,
        steered: true,
      },
      {
        onProgress: progress => {
          if (progress.step === 'copied') throw wrong;
        },
      },
    );
    await assert.rejects(running.result, error => error === wrong);
    await running.over;
  });
});

describe('the life of the thread', () => {
  test('an idle thread does not keep the process alive, and the process ends by itself', t => {
    const file = join(folder(t), 'a.db');
    walDatabase(t, file, 5);
    const child = run(`
      const file = ${JSON.stringify(file)};
      runJob({ kind: 'checkpoint', file, identity: identity(file), mode: 'passive', busyTimeoutMs: 0 })
        .then(result => console.log(result.complete));`);
    assert.deepEqual([child.status, child.stdout, child.stderr], [0, 'true\n', '']);
  });

  test('an awaited job keeps the process alive; one that is not awaited does not', t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    walDatabase(t, file, 200);
    for (const keepAlive of [true, false]) {
      const child = run(`
        const file = ${JSON.stringify(file)};
        const destination = ${JSON.stringify(home)} + '/copy-${keepAlive}.db';
        startJob({ kind: 'online-backup', file, identity: identity(file), destination, busyTimeoutMs: 0,
          pagesPerSecond: 100, steered: false }, { keepAlive: ${keepAlive} }).result.then(() => console.log('copied'));`);
      assert.deepEqual([child.status, child.stdout, child.stderr], [0, keepAlive ? 'copied\n' : '', '']);
    }
  });

  test('process.exit() during a call of SQLite ends the process without a crash', t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    walDatabase(t, file, 20_000);
    const child = run(`
      const file = ${JSON.stringify(file)};
      startJob({ kind: 'vacuum-into', file, identity: identity(file), destination: ${JSON.stringify(home)} + '/c.db',
        busyTimeoutMs: 0 }, { onProgress: () => setTimeout(() => process.exit(7), 5) }).result.then(() => process.exit(8));`);
    assert.deepEqual([child.status, child.signal, child.stderr], [7, null, '']);
  });

  test('works inside a worker thread of the application', async t => {
    const file = join(folder(t), 'a.db');
    walDatabase(t, file, 5);
    const worker = new Worker(
      `const { runJob } = require(${JSON.stringify(dist('maintenance/jobs-client.js'))});
       runJob({ kind: 'checkpoint', file: ${JSON.stringify(file)}, identity: null, mode: 'passive', busyTimeoutMs: 0 })
         .then(result => require('node:worker_threads').parentPort.postMessage(result.complete));`,
      { eval: true },
    );
    // Together: if the thread ends right after its message, both arrive in the same turn.
    const [[complete]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    assert.equal(complete, true);
  });

  test('does not run the hooks that the application loads with --import', t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    walDatabase(t, file, 5);
    const hook = join(home, 'hook.mjs');
    writeFileSync(hook, `import { threadId } from 'node:worker_threads'; console.log('hook in', threadId);`);
    const body = `
      runJob({ kind: 'checkpoint', file: ${JSON.stringify(file)}, identity: null, mode: 'passive', busyTimeoutMs: 0 })
        .then(() => console.log('done'));`;
    assert.equal(run(body, ['--import', pathToFileURL(hook).href]).stdout, 'hook in 0\ndone\n');
  });
});
