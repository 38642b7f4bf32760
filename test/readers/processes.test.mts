/** Reader processes keep no process alive, outlive no parent, and leave nothing behind. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { ClosedDatabaseError, Database, QueryTimeoutError } from 'safe-sqlite';
import { until } from '../support/until.mts';
import { childrenOf, createBench, endless, isAlive, markedBy, untilRunning } from './fixture.mts';

const program = join(import.meta.dirname, 'parent.scenario.mts');
const noProc = !existsSync('/proc/self/stat') && 'needs /proc';

async function start(file: string, what: string): Promise<{ child: ChildProcess; readers: number[] }> {
  const child = spawn(process.execPath, [program, file, what], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  const readers = childrenOf(child.pid ?? 0);
  assert.equal(readers.length > 0, true);
  return { child, readers };
}

/** All of them in `npm run test:fuzz`, a third in `npm test`. */
const rounds = (all: number): number => (process.env['LONG_TESTS'] === undefined ? Math.ceil(all / 3) : all);

describe('the end of the application', { skip: noProc }, () => {
  test('SIGKILL: its readers are gone, also those in the middle of SQLite', async () => {
    using bench = createBench();
    for (let round = 0; round < rounds(5); round += 1) {
      const { child, readers } = await start(bench.file, 'busy');
      child.kill('SIGKILL');
      await once(child, 'exit');
      await until(() => !readers.some(pid => isAlive(pid)), 'no reader outlives its parent');
    }
    assert.equal((await bench.db.checkpoint('truncate')).complete, true);
  });

  test('SIGKILL at a random moment, also while readers start: none is left', async () => {
    using bench = createBench();
    for (let round = 0; round < rounds(6); round += 1) {
      // A child has its environment from its first moment on, whatever its parent is.
      const mark = `${process.pid}-${round}-${Math.random()}`;
      const env = { ...process.env, READERS_MARK: mark };
      const child = spawn(process.execPath, [program, bench.file, 'busy'], { env, stdio: 'ignore' });
      await delay(500 * Math.random());
      child.kill('SIGKILL');
      await once(child, 'exit');
      await until(() => markedBy(mark).length === 0, 'no reader outlives its parent', { everyMs: 20 });
    }
    assert.equal((await bench.db.checkpoint('truncate')).complete, true);
  });

  test('SIGTERM, process.exit and an exception: the same', async () => {
    using bench = createBench();
    const { child, readers } = await start(bench.file, 'busy');
    child.kill('SIGTERM');
    await once(child, 'exit');
    await until(() => !readers.some(pid => isAlive(pid)), 'no reader outlives its parent');
    const left = spawnSync(process.execPath, [program, bench.file, 'exits'], { encoding: 'utf8' });
    assert.equal(left.status, 0, left.stderr);
    const threw = spawnSync(process.execPath, [program, bench.file, 'throws'], { encoding: 'utf8' });
    assert.equal(threw.status, 1);
    assert.equal((await bench.db.checkpoint('truncate')).complete, true);
  });

  test('a signal for the whole group, as Ctrl-C sends it, ends no reader of an application that goes on', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    const reading = db.reader.get('SELECT count(*) AS n FROM t a, t b');
    await untilRunning(db);
    for (const pid of bench.pids())
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    assert.deepEqual(await reading, { n: 1_000_000 });
  });

  test('idle readers and forgotten iterators keep no process alive, an awaited read does', () => {
    using bench = createBench();
    for (const [what, expected] of [
      ['leaves', 'read\n'],
      ['awaits', '{"n":1000000}\n'],
    ] as const) {
      const run = spawnSync(process.execPath, [program, bench.file, what], { encoding: 'utf8', timeout: 60_000 });
      assert.deepEqual([run.status, run.stdout], [0, expected], run.stderr);
    }
  });
});

for (const lowered of [0, 5, 12]) {
  test(`readers yield: a service with a priority lowered by ${lowered} goes first where the cores are taken`, () => {
    using bench = createBench();
    bench.db.close();
    const script = `
      const { openDatabase } = require(${JSON.stringify(join(import.meta.dirname, '../../dist/index.js'))});
      const { getPriority, setPriority } = require('node:os');
      setPriority(Math.min(18, getPriority() + ${lowered}));
      const db = openDatabase(${JSON.stringify(bench.file)}, { logger: false, readers: { max: 1 } });
      db.reader.all(${JSON.stringify(endless)}).catch(() => {});
      const look = setInterval(() => {
        const pid = db.health().readers.running[0]?.pid ?? null;
        if (pid === null) return;
        clearInterval(look);
        process.stdout.write(String(getPriority(pid) > getPriority()));
        db.close();
      }, 10);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 120_000 });
    assert.equal(stdout, 'true', stderr);
  });
}

describe('what is left behind', { skip: noProc }, () => {
  test('after kills in the middle of queries: no process, no descriptor, no lock, no pinned WAL', async () => {
    using bench = createBench({ readers: { max: 2 } });
    const { db } = bench;
    await db.reader.get('SELECT 1');
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const kills = Number(process.env['READER_KILLS'] ?? rounds(20));
    while (db.health().readers.killed < kills) {
      // A query that has begun to read the file holds its lock and a read mark.
      const read = db.reader.all(`SELECT count(*) FROM t a, t b, t c, t d WHERE a.id + b.id + c.id + d.id < 0`, [], {
        timeoutMs: 300,
      });
      const failed = assert.rejects(read, QueryTimeoutError);
      await db.write(() => db.exec("UPDATE t SET text = 'x' WHERE id = 1"));
      await failed;
    }
    assert.equal(db.health().readers.lost, 0);
    await until(() => bench.pids().length <= 2, 'no killed reader lives');
    await until(() => descriptors() <= before + 4, 'no descriptor of a killed reader stays');
    assert.equal((await db.checkpoint('truncate')).complete, true, 'no lock and no read mark is in the way');
    // Raw better-sqlite3 gets the file for itself alone, once this connection is closed.
    db.close();
    assert.deepEqual(bench.pids(), []);
    assert.deepEqual(readdirSync(bench.folder), ['a.db']);
    const native = new Native(bench.file);
    native.exec('BEGIN EXCLUSIVE; COMMIT');
    native.close();
  });

  test('close() in the middle of a query, again and again: its lock is gone before the last checkpoint', async () => {
    using bench = createBench();
    for (let round = 0; round < rounds(15); round += 1) {
      const db = new Database(bench.file, { logger: false, readers: { max: 1 } });
      if (bench.db.open) bench.db.close();
      const read = db.reader.iterate('SELECT a.id FROM t a, t b, t c');
      await read.next();
      db.exec("UPDATE t SET text = 'y' WHERE id = 1");
      db.close();
      assert.deepEqual(readdirSync(bench.folder), ['a.db'], `round ${round}`);
      await assert.rejects(async () => {
        for (;;) if ((await read.next()).done === true) return;
      }, ClosedDatabaseError);
    }
  });

  test('an idle reader ends after idleMs, and does not checkpoint', async () => {
    using bench = createBench({ readers: { idleMs: 50 }, checkpoint: 'off' });
    const { db } = bench;
    assert.deepEqual(await db.reader.get('SELECT count(*) AS n FROM t'), { n: 1000 });
    assert.equal(bench.pids().length, 1);
    const wal = db.health().checkpoints?.pendingBytes;
    await until(() => bench.pids().length === 0, 'the idle reader ends');
    const { processes, killed, lost } = db.health().readers;
    assert.deepEqual([processes, killed, lost], [0, 0, 0]);
    assert.ok(existsSync(`${bench.file}-wal`));
    assert.equal(db.health().checkpoints?.pendingBytes, wal);
    await assert.rejects(db.reader.all(endless, [], { timeoutMs: 300 }), QueryTimeoutError);
  });
});
