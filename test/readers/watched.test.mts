/** Readers beside everything that watches a database: checkpoints, health, the doctor, the fence, the sentinel. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  Database,
  diagnose,
  FencedDatabaseError,
  FileReplacedError,
  openDatabase,
  ReaderError,
  type CheckpointBlockedEvent,
} from 'safe-sqlite';
import { until } from '../support/until.mts';
import { createBench, endless, isAlive, noProc, runningPid, untilRunning } from './fixture.mts';

/** Reads the file until it is ended: its read mark pins the WAL. */
const pinning = "SELECT count(*) FROM t a, t b, t c, t d WHERE a.id + b.id + c.id + d.id < 0 AND 'secret' <> ''";
const shape = 'SELECT count(*) FROM t a, t b, t c, t d WHERE a.id + b.id + c.id + d.id < ? AND ? <> ?';

test('a reader that pins the WAL is named by checkpointBlocked, health and the doctor, with age and SQL, without values', async () => {
  using bench = createBench({ readers: { max: 1 }, checkpoint: 'off' });
  const { db, file } = bench;
  const abort = new AbortController();
  const read = db.reader.all(pinning, [], { signal: abort.signal });
  await untilRunning(db);
  const pid = runningPid(db);
  const blocked: CheckpointBlockedEvent[] = [];
  db.events.on('checkpointBlocked', event => blocked.push(event));
  // It reads the state of this moment; what is written from now on cannot be copied over it.
  await until(async () => {
    await db.write(() => db.exec("UPDATE t SET text = text || 'x' WHERE id < 100"));
    await db.checkpoint();
    return blocked.length > 0;
  }, 'a checkpoint is blocked');
  const [running] = blocked[0]?.readers ?? [];
  assert.deepEqual([running?.sql, running?.pid, running?.snapshot], [shape, pid, false]);
  assert.ok((running?.ageMs ?? 0) > 0);
  assert.equal(db.health().readers.running[0]?.sql, shape);
  if (existsSync('/proc/self/stat')) {
    const { findings } = await diagnose(file);
    const told = findings.find(({ what }) => what.includes(`Process ${pid} (safe-sqlite reader of ${process.pid}`));
    assert.match(told?.what ?? '', /since \d{4}-.*: SELECT count\(\*\) FROM t a/);
    assert.match(told?.what ?? '', /reads as of frame \d+ of \d+/);
    assert.ok(!JSON.stringify(findings).includes('secret'));
  }
  abort.abort();
  await assert.rejects(read);
  // The signal is sent; on a busy machine the process ends, and frees its read mark, a moment later.
  await until(async () => (await db.checkpoint('truncate')).complete, 'nothing pins the WAL');
});

describe('no reader goes on', () => {
  test('after a fence', { skip: noProc }, async () => {
    using bench = createBench();
    const { db, file } = bench;
    const reading = assert.rejects(db.reader.all(endless), FencedDatabaseError);
    const held = assert.rejects(
      db.reader.snapshot(reader => reader.all(endless)),
      FencedDatabaseError,
    );
    await untilRunning(db);
    const pids = bench.pids();
    const marker = { file, code: 'SQLITE_IOERR_FSYNC', operation: 'commit', message: 'disk I/O error' };
    writeFileSync(`${file}-fenced`, JSON.stringify(marker));
    await Promise.all([reading, held]);
    await until(() => !pids.some(pid => isAlive(pid)), 'the readers are gone');
    await assert.rejects(db.reader.get('SELECT 1'), FencedDatabaseError);
    await assert.rejects(db.reader.iterate('SELECT 1').next(), FencedDatabaseError);
    assert.throws(() => db.reader.warm(), FencedDatabaseError);
    assert.deepEqual(bench.pids(), []);
  });

  test('after the file was renamed; one that starts then refuses the other file', { skip: noProc }, async () => {
    using bench = createBench();
    const { db, file } = bench;
    const reading = assert.rejects(db.reader.all(endless), FileReplacedError);
    await untilRunning(db);
    renameSync(file, `${file}.moved`);
    await reading;
    await assert.rejects(db.reader.get('SELECT 1'), FileReplacedError);
    // Without the sentinel the reader itself sees that the path names another file than the one that is open.
    using other = createBench({ sentinel: 'off' });
    renameSync(other.file, `${other.file}.moved`);
    new Database(join(bench.folder, 'b.db'), { logger: false }).close();
    renameSync(join(bench.folder, 'b.db'), other.file);
    await assert.rejects(other.db.reader.get('SELECT 1'), FileReplacedError);
    renameSync(`${other.file}.moved`, other.file);
  });
});

describe('a rollback journal', () => {
  test('a reader and a COMMIT wait for each other without stopping the event loop', async () => {
    using bench = createBench({ journalMode: 'rollback', readers: { max: 1 } });
    const { db } = bench;
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const read = db.reader.iterate('SELECT a.id FROM t a, t b', [], { rows: 'first-column' });
    assert.equal((await read.next()).value, 1);
    const before = turns;
    let written = false;
    const write = db.write(() => db.exec('DELETE FROM t WHERE id = 1')).then(() => (written = true));
    await once(db.events, 'busy');
    assert.equal(written, false, 'SHARED of the reader keeps COMMIT waiting');
    await read.return();
    await write;
    clearInterval(timer);
    assert.ok(turns >= before);
    assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 999 });
    // The other way round: the reader waits in its own process.
    db.exec('BEGIN EXCLUSIVE; DELETE FROM t WHERE id = 2');
    const waiting = db.reader.get('SELECT count(*) AS n FROM t');
    await untilRunning(db);
    db.exec('COMMIT');
    assert.deepEqual(await waiting, { n: 998 });
  });

  test('a lock that is not given up is SQLITE_BUSY after `timeout`', async () => {
    using bench = createBench({ journalMode: 'rollback', timeout: 50 });
    const { db } = bench;
    await db.reader.get('SELECT 1');
    db.exec('BEGIN EXCLUSIVE');
    await assert.rejects(db.reader.get('SELECT count(*) FROM t'), { code: 'SQLITE_BUSY', primaryCode: 'SQLITE_BUSY' });
    db.exec('COMMIT');
    assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 1000 });
  });
});

test('idle readers are not in the way of a switch of the journal mode; one that reads is, as any reader', async () => {
  using bench = createBench({ timeout: 50, readers: { max: 1 } });
  const { db } = bench;
  assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 1000 });
  const read = db.reader.iterate('SELECT a.id FROM t a, t b');
  await read.next();
  assert.throws(() => db.pragma('journal_mode = DELETE'), { code: 'SQLITE_BUSY' });
  await read.return();
  assert.deepEqual(db.pragma('journal_mode = DELETE'), [{ journal_mode: 'delete' }]);
  assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 1000 });
});

describe('where no process can be had', () => {
  test(
    "`checkpoint.thread: 'main'`: in the thread, in steps, on a connection of its own",
    { skip: noProc },
    async () => {
      using bench = createBench({ checkpoint: { thread: 'main' } });
      const { db } = bench;
      let turns = 0;
      const timer = setInterval(() => (turns += 1), 1);
      const rows = await db.reader.all('SELECT a.id FROM t a, t b', [], { rows: 'first-column', maxRows: 1_000_000 });
      clearInterval(timer);
      assert.equal(rows.length, 1_000_000);
      assert.ok(turns > 10, `the loop turned ${turns} times meanwhile`);
      db.exec('BEGIN; DELETE FROM t');
      assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 1000 });
      db.exec('COMMIT');
      assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 0 });
      await assert.rejects(
        db.reader.all(`${endless} UNION ALL SELECT 1`.replace('count(*)', 'x'), [], { timeoutMs: 50 }),
        {
          code: 'SAFE_SQLITE_QUERY_TIMEOUT',
        },
      );
      assert.deepEqual(bench.pids(), []);
      assert.equal((await db.checkpoint('truncate')).complete, true);
    },
  );

  test('a slow row ends its piece: the event loop turns between two, and `iterate` stops where the loop is left', async () => {
    using bench = createBench({}, 40);
    const setup = join(bench.folder, 'slow.mjs');
    writeFileSync(
      setup,
      `let calls = 0;
       const slow = () => { const until = performance.now() + 6; while (performance.now() < until); return (calls += 1); };
       export default db => { db.function('slow', slow); db.function('calls', () => calls); };`,
    );
    const db = new Database(bench.file, { logger: false, checkpoint: { thread: 'main' }, readers: { setup } });
    let inOneTurn = 0;
    let most = 0;
    const seen: unknown[] = [];
    const turns = setInterval(() => {
      most = Math.max(most, inOneTurn);
      inOneTurn = 0;
    }, 0);
    for await (const row of db.reader.iterate('SELECT slow() FROM t', [], { rows: 'first-column' })) {
      seen.push(row);
      inOneTurn += 1;
      if (seen.length === 20) break;
    }
    clearInterval(turns);
    assert.deepEqual(
      seen,
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    // One row takes longer than a piece may.
    assert.ok(most <= 3, `${most} rows of 6 ms in one turn`);
    const calls = Number(await db.reader.get('SELECT calls()', [], { rows: 'first-column' }));
    assert.ok(calls <= 24, `${calls} rows were read for 20`);
    db.close();
  });

  test("Node's permission model without --allow-child-process, said once", () => {
    using bench = createBench();
    bench.db.close();
    const program = `
      const { openDatabase } = require('safe-sqlite');
      const warnings = [];
      const db = openDatabase(${JSON.stringify(bench.file)}, { logger: false });
      db.events.on('warning', ({ code }) => warnings.push(code));
      (async () => {
        const rows = [await db.reader.get('SELECT count(*) AS n FROM t'), await db.reader.get('SELECT 1 AS n')];
        console.log(JSON.stringify([rows, warnings.filter(code => code.startsWith('readers')), db.health().readers.mode]));
        db.close();
      })();`;
    const flags = ['--permission', '--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons', '--allow-worker'];
    const run = spawnSync(process.execPath, [...flags, '--eval', program], { encoding: 'utf8', cwd: process.cwd() });
    assert.equal(run.stdout.trim(), '[[{"n":1000},{"n":1}],["readers-in-thread"],"thread"]', run.stderr);
  });
});

test('in a worker thread of the application: as in the main thread, and gone with it', { skip: noProc }, async () => {
  using bench = createBench();
  const program = `
    const { openDatabase } = require('safe-sqlite');
    const { parentPort, workerData } = require('node:worker_threads');
    const db = openDatabase(workerData, { logger: false });
    db.reader.get('SELECT count(*) AS n FROM t').then(row => {
      const { running, processes } = db.health().readers;
      db.reader.all(${JSON.stringify(endless)}).catch(() => {});
      parentPort.postMessage([row, processes, running.length]);
    });`;
  const worker = new Worker(program, { eval: true, workerData: bench.file });
  const [message] = (await once(worker, 'message')) as [unknown];
  assert.deepEqual(message, [{ n: 1000 }, 1, 0]);
  await worker.terminate();
  await until(() => bench.pids().length === 0, 'its readers end with the thread');
  assert.equal((await bench.db.checkpoint('truncate')).complete, true);
});

test('EMFILE is an error of the call that needed the process, and passes', { skip: noProc }, async () => {
  using bench = createBench();
  const program = `
    const { openDatabase, ReaderError } = require('safe-sqlite');
    const fs = require('node:fs');
    const db = openDatabase(${JSON.stringify(bench.file)}, { logger: false, sentinel: 'off' });
    (async () => {
      const taken = [];
      try { for (;;) taken.push(fs.openSync('/dev/null')); } catch {}
      const error = await db.reader.get('SELECT 1').catch(error => error);
      for (const fd of taken) fs.closeSync(fd);
      const row = await db.reader.get('SELECT count(*) AS n FROM t');
      console.log(JSON.stringify([error instanceof ReaderError, error.cause?.code, row]));
      db.close();
    })();`;
  const command = 'ulimit -n 60; exec "$0" --eval "$1"';
  const run = spawnSync('sh', ['-c', command, process.execPath, program], { encoding: 'utf8', cwd: process.cwd() });
  assert.equal(run.stdout.trim(), '[true,"EMFILE",{"n":1000}]', run.stderr);
  assert.equal(typeof ReaderError, 'function');
});

test('a read-only handle has readers, and `readers: "off"` has none', async () => {
  using bench = createBench();
  const db = openDatabase(bench.file, { logger: false, readonly: true });
  assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 1000 });
  db.close();
  const off = new Database(bench.file, { logger: false, readers: 'off' });
  await assert.rejects(off.reader.get('SELECT 1'), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  assert.equal(off.health().readers.mode, 'off');
  off.close();
});
