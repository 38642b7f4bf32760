/** Limits that hold: a query is ended at its limit, and nothing else notices. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import Native from 'better-sqlite3';
import {
  ClosedDatabaseError,
  Database,
  QueryTimeoutError,
  ReaderError,
  ReadQueueFullError,
  ResultTooLargeError,
} from 'safe-sqlite';
import { until } from '../support/until.mts';
import { createBench, endless, isAlive, noProc, runningPid, untilRunning } from './fixture.mts';

/** A reader says by a signal that it needs more memory. Windows has none: the error of its end names the memory too. */
const noSignals = process.platform === 'win32';

/** Queries that do not end within any reasonable time, each for another reason. */
const runaways: Readonly<Record<string, string>> = {
  'a recursive CTE without end': endless,
  'a cross join': 'SELECT count(*) FROM t a, t b, t c, t d, t e WHERE a.id + b.id + c.id + d.id + e.id = 0',
  'a function of the application': `SELECT match('(a+)+$', '${'a'.repeat(60)}b')`,
  'a huge sort': 'SELECT a.text || b.text || c.text AS x FROM t a, t b, t c ORDER BY x DESC',
  'rows without end': 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c',
};

describe('a runaway query', () => {
  for (const [name, sql] of Object.entries(runaways)) {
    test(`${name}: ended at its limit with its process, while writes and checkpoints go on`, async () => {
      using bench = createBench({ checkpoint: { walBytes: 100_000 } });
      const setup = join(bench.folder, 'setup.mjs');
      writeFileSync(
        setup,
        `export default db => db.function('match', (re, text) => Number(new RegExp(re).test(text)));`,
      );
      const db = new Database(bench.file, { logger: false, readers: { setup, max: 1 } });
      const told: unknown[] = [];
      db.events.on('queryTimeout', ({ sql: shape, phase }) => told.push([/'|\d{2}/.test(shape), phase]));
      await db.reader.get('SELECT 1');
      const before = db.health().reasons;
      const failed = assert.rejects(
        db.reader.all(sql, [], { timeoutMs: 500, maxBytes: Number.MAX_SAFE_INTEGER }),
        (error: QueryTimeoutError) => {
          assert.ok(error instanceof QueryTimeoutError);
          assert.equal(error.details['phase'], 'running');
          return true;
        },
      );
      await untilRunning(db);
      const pid = runningPid(db);
      assert.ok(isAlive(pid));
      let over = false;
      void failed.then(() => (over = true));
      let writes = 0;
      for (; !over || writes === 0; writes += 1)
        await db.write(() => db.exec("UPDATE t SET text = text || 'x' WHERE id = 1"));
      await failed;
      await until(() => !isAlive(pid), 'its process is gone');
      assert.deepEqual(told, [[false, 'running']]);
      assert.deepEqual(await db.reader.get('SELECT 2 AS a'), { a: 2 }, 'a fresh reader for the next');
      assert.equal((await db.checkpoint('truncate')).complete, true);
      const { reasons, readers } = db.health();
      assert.deepEqual([reasons, readers.counts.timeout, readers.killed], [before, 1, 1]);
      db.close();
    });
  }

  test('is ended at its limit also while the event loop of the application stands still', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    await db.reader.get('SELECT 1');
    const read = assert.rejects(db.reader.all(endless, [], { timeoutMs: 200 }), QueryTimeoutError);
    await untilRunning(db);
    const pid = runningPid(db);
    const sleeper = new Int32Array(new SharedArrayBuffer(4));
    let waited = 0;
    for (; isAlive(pid) && waited < 60_000; waited += 10) Atomics.wait(sleeper, 0, 0, 10);
    assert.equal(isAlive(pid), false, 'only the reader itself could end it');
    await read;
    assert.equal(db.health().readers.lost, 0);
  });

  test(
    'is ended at its limit also while the application is stopped, which then hears of the limit',
    { skip: noProc },
    async () => {
      using bench = createBench();
      const program = join(import.meta.dirname, 'parent.scenario.mts');
      const child = spawn(process.execPath, [program, bench.file, 'times-out'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const pid = Number((await lines.next()).value);
      // A paused container, a debugger, a laptop that sleeps.
      child.kill('SIGSTOP');
      await until(() => !isAlive(pid), 'only the reader itself can end it');
      child.kill('SIGCONT');
      assert.deepEqual(JSON.parse(String((await lines.next()).value)), ['QueryTimeoutError', 1, 0, 1]);
      await once(child, 'exit');
    },
  );

  test('holds the event loop of raw better-sqlite3, which nothing can stop', async () => {
    using bench = createBench();
    const native = new Native(bench.file, { readonly: true });
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    native
      .prepare('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT count(*) FROM c')
      .get();
    assert.equal(turns, 0, 'the loop stood still');
    await turn();
    clearInterval(timer);
    assert.ok(!('interrupt' in native) && !('progress' in native));
    native.close();
  });
});

describe('the end of a call', () => {
  test('a signal ends it with its own reason: before it runs, while it waits, while SQLite works', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    const reason = new Error('the client is gone');
    await assert.rejects(db.reader.all('SELECT 1', [], { signal: AbortSignal.abort(reason) }), reason);
    const running = new AbortController();
    const first = assert.rejects(db.reader.all(endless, [], { signal: running.signal }), reason);
    await untilRunning(db);
    const waiting = new AbortController();
    const second = assert.rejects(db.reader.all('SELECT 1', [], { signal: waiting.signal }), reason);
    waiting.abort(reason);
    await second;
    assert.equal(db.health().readers.busy, 1, 'the one that runs is not touched');
    running.abort(reason);
    await first;
    const snapshot = new AbortController();
    const third = assert.rejects(
      db.reader.snapshot(reader => reader.all(endless), { signal: snapshot.signal }),
      reason,
    );
    await until(() => db.health().readers.running[0]?.sql?.startsWith('WITH') === true, 'the snapshot runs its query');
    snapshot.abort(reason);
    await third;
    assert.equal(db.health().readers.counts.aborted >= 2, true);
    assert.deepEqual(await db.reader.get('SELECT 1 AS a'), { a: 1 });
  });

  test('the limit counts the wait for a reader, and says so', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    const abort = new AbortController();
    const hog = db.reader.all(endless, [], { signal: abort.signal });
    await untilRunning(db);
    await assert.rejects(db.reader.all('SELECT 1', [], { timeoutMs: 50 }), (error: QueryTimeoutError) => {
      assert.deepEqual([error.code, error.details['phase']], ['SAFE_SQLITE_QUERY_TIMEOUT', 'queued']);
      assert.match(error.message, /1 of at most 1 readers are busy/);
      return true;
    });
    assert.equal(db.health().readers.killed, 0, 'no reader was ended for it');
    abort.abort();
    await assert.rejects(hog);
  });

  test('more rows or bytes than allowed: an error instead of a part, and the reader goes on', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    const all = 'SELECT * FROM t ORDER BY id';
    assert.equal((await db.reader.all(all, [], { maxRows: 1000 })).length, 1000);
    await assert.rejects(db.reader.all(all, [], { maxRows: 999 }), ResultTooLargeError);
    await assert.rejects(db.reader.all('SELECT zeroblob(101)', [], { maxBytes: 100 }), ResultTooLargeError);
    await assert.rejects(db.reader.all('SELECT zeroblob(70000000)'), ResultTooLargeError, '64 MiB by default');
    await assert.rejects(
      db.reader.all("SELECT replace(hex(zeroblob(51)), '0', 'é')", [], { maxBytes: 200 }),
      ResultTooLargeError,
    );
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const row of db.reader.iterate(all, [], { maxRows: 500 })) seen.push(row);
    };
    await assert.rejects(read(), ResultTooLargeError);
    assert.equal(seen.length, 500, 'a loop gets what is within the limit');
    const { started, killed, lost } = db.health().readers;
    assert.deepEqual([started, killed, lost], [1, 0, 0]);
  });

  test('more memory than allowed, of SQLite or of JavaScript: the end of that process alone', async () => {
    using bench = createBench();
    const raw = new Native(bench.file, { readonly: true });
    raw.pragma('hard_heap_limit = 1000000');
    const blob = raw.prepare<[], Buffer>('SELECT randomblob(40000000)').pluck().get();
    assert.equal(blob?.byteLength, 40_000_000, "SQLite's own limit does nothing in better-sqlite3");
    raw.pragma('hard_heap_limit = 0');
    raw.close();
    const setup = join(bench.folder, 'eats.mjs');
    writeFileSync(
      setup,
      `const kept = []; export default db => db.function('eat', () => { for (;;) kept.push(Array(1000).fill(kept.length)); });`,
    );
    const db = new Database(bench.file, {
      logger: false,
      // node.exe takes more than 128 MiB under Wine before it has read anything.
      readers: { setup, max: 1, memoryBytes: (noSignals ? 320 : 128) * 1024 * 1024 },
    });
    const lost: unknown[] = [];
    db.events.on('readerLost', ({ signal }) => lost.push(signal));
    const hungry = [
      "SELECT eat(), 'secret'",
      `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 40)
       SELECT group_concat(hex(randomblob(10000000))), 'secret' FROM c`,
      "SELECT length(randomblob(400000000)), 'secret'",
    ];
    for (const sql of hungry) {
      await assert.rejects(db.reader.all(sql), (error: ReaderError | ResultTooLargeError) => {
        assert.ok(error instanceof (noSignals ? ReaderError : ResultTooLargeError), `${sql}: ${JSON.stringify(error)}`);
        if (noSignals) assert.match(error.hint, /ran out of memory \(`readers\.memoryBytes`/);
        else assert.equal(error.details['limit'], 'memoryBytes');
        assert.ok(!`${error.message}${JSON.stringify(error.details)}`.includes('secret'));
        return true;
      });
      assert.deepEqual(await db.reader.get('SELECT 1 AS a'), { a: 1 });
    }
    const signal = noSignals ? null : 'SIGUSR2';
    assert.deepEqual(lost, [signal, signal, signal]);
    db.close();
  });

  test('a reader that is killed or that exits by itself is an error of its call alone', { skip: noProc }, async () => {
    using bench = createBench({ readers: { max: 2 } });
    const setup = join(bench.folder, 'exits.mjs');
    writeFileSync(setup, `export default db => db.function('leave', () => process.exit(7));`);
    const db = new Database(bench.file, { logger: false, readers: { setup, max: 2 } });
    await assert.rejects(db.reader.all('SELECT leave()'), (error: ReaderError) => {
      assert.deepEqual([error.code, error.details['exitCode']], ['SAFE_SQLITE_READER_FAILED', 7]);
      return true;
    });
    const killed = assert.rejects(db.reader.all(endless), ReaderError);
    await untilRunning(db);
    const other = db.reader.all('SELECT count(*) AS n FROM t a, t b');
    process.kill(runningPid(db), 'SIGKILL');
    await killed;
    assert.deepEqual(await other, [{ n: 1_000_000 }]);
    // Between two calls: nothing is reported, and the next call gets a new one.
    await until(() => db.health().readers.busy === 0, 'both are free');
    const before = db.health().readers;
    const idle = bench.pids();
    for (const pid of idle) process.kill(pid, 'SIGKILL');
    await until(() => db.health().readers.lost === before.lost + idle.length, 'the pool has noticed');
    assert.deepEqual(await db.reader.get('SELECT 1 AS a'), { a: 1 });
    db.close();
  });

  test('a full queue refuses the call; the handles take turns in it', async () => {
    using bench = createBench({ readers: { max: 1, maxQueued: 3 } });
    const { db } = bench;
    const abort = new AbortController();
    const hog = db.reader.all(endless, [], { signal: abort.signal });
    await untilRunning(db);
    const waiting = [1, 2, 3].map(value => db.reader.get('SELECT ? AS a', [value]));
    await assert.rejects(db.reader.get('SELECT 4'), ReadQueueFullError);
    assert.deepEqual([db.health().readers.queued, db.health().readers.counts.refused], [3, 1]);
    abort.abort();
    await assert.rejects(hog);
    assert.deepEqual(await Promise.all(waiting), [{ a: 1 }, { a: 2 }, { a: 3 }]);
  });

  test('close() waits for the locks of a reader that takes long to die, and is then the last to close', async () => {
    using bench = createBench();
    const setup = join(bench.folder, 'large.mjs');
    writeFileSync(setup, 'const large = Buffer.alloc(200_000_000, 1); export default () => large;');
    bench.db.close();
    const db = new Database(bench.file, { logger: false, readers: { setup, max: 1 } });
    db.exec('DELETE FROM t WHERE id = 1');
    const ended = assert.rejects(db.reader.all(endless), ClosedDatabaseError);
    await untilRunning(db);
    db.close();
    assert.equal(existsSync(`${bench.file}-wal`), false, 'only the last connection takes it away');
    await ended;
  });

  test('close() ends what runs and what waits; asyncDispose waits for it', { skip: noProc }, async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db, file } = bench;
    const calls = [db.reader.all(endless), db.reader.get('SELECT 1'), db.reader.snapshot(r => r.get('SELECT 1'))];
    const ended = calls.map(call => assert.rejects(call, ClosedDatabaseError));
    await untilRunning(db);
    const [pid = 0] = bench.pids();
    db.close();
    assert.equal(isAlive(pid), false, 'its locks went with it before the last checkpoint');
    await Promise.all(ended);
    const patient = new Database(file, { logger: false });
    const reading = patient.reader.all('SELECT count(*) AS n FROM t a, t b');
    await patient[Symbol.asyncDispose]();
    assert.deepEqual(await reading, [{ n: 1_000_000 }]);
  });
});

describe('iterate', () => {
  /** A million in the long form (`--long`). */
  const total = process.env['LONG_TESTS'] === undefined ? 50_000 : 1_000_000;
  const many = `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ${total}) SELECT x, x AS y FROM c`;
  const million =
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT x, x AS y FROM c';

  test('reads no further ahead than a few hundred rows, and a loop that is left ends the statement', async t => {
    using bench = createBench({ readers: { max: 1 } });
    const setup = join(bench.folder, 'counts.mjs');
    writeFileSync(
      setup,
      `let n = 0; export default db => { db.function('seen', () => ++n); db.function('total', () => n); };`,
    );
    const db = new Database(bench.file, { logger: false, readers: { setup, max: 1 } });
    let taken = 0;
    for await (const row of db.reader.iterate('SELECT seen() AS n FROM t a, t b')) {
      if (taken === 0) await delay(200);
      assert.ok((row as { n: number }).n > 0);
      if ((taken += 1) === 300) break;
    }
    const { killed } = db.health().readers;
    const read = Number(await db.reader.get('SELECT total()', [], { rows: 'first-column' }));
    if (process.platform === 'win32' && killed === 1) {
      // Then a new process counts from the beginning, and the WAL is free all the same.
      assert.equal(read, 0);
      assert.equal((await db.checkpoint('truncate')).complete, true);
      db.close();
      return t.skip(
        'the reader did not answer within 100 ms: Wine is too slow to show that it ends the statement by itself',
      );
    }
    assert.ok(read >= taken && read <= taken + 4 * 128, `${read} rows were read for ${taken} that were taken`);
    assert.equal(db.health().readers.killed, 0, 'by the reader itself');
    assert.equal((await db.checkpoint('truncate')).complete, true);
    db.close();
  });

  test('a signal inside the loop is an error, never the end of a shorter result', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const abort = new AbortController();
    const reason = new Error('the client is gone');
    let taken = 0;
    const read = async (): Promise<void> => {
      for await (const _ of bench.db.reader.iterate(million, [], { signal: abort.signal }))
        if ((taken += 1) === 1) abort.abort(reason);
    };
    await assert.rejects(read(), reason);
    assert.equal(taken, 1, 'no row comes after the abort, not even one that has arrived');
  });

  for (const limited of ['the query', 'its snapshot'] as const) {
    test(`a loop that works and never waits gets no row after the limit of ${limited}`, async () => {
      using bench = createBench({ readers: { max: 1 } });
      const { reader } = bench.db;
      const limit = { timeoutMs: 200 };
      let [rows, late] = [0, 0];
      const loop = async (source: Pick<typeof reader, 'iterate'>, options: object): Promise<void> => {
        const query = source.iterate(million, [], options);
        const started = performance.now();
        // No timer fires and no message of the reader arrives while the loop takes rows that have arrived.
        for await (const _ of query) {
          rows += 1;
          if (performance.now() - started > limit.timeoutMs) late += 1;
          for (const until = performance.now() + 4; performance.now() < until;);
        }
      };
      await reader.get('SELECT 1');
      const read =
        limited === 'the query' ? loop(reader, limit) : reader.snapshot(async inside => loop(inside, {}), limit);
      await assert.rejects(read, QueryTimeoutError);
      assert.ok(rows > 0);
      // One more may begin just before the limit, where this process has to wait for a core.
      assert.ok(late <= 1, `${late} of ${rows} rows came after the limit`);
    });
  }

  test('many rows: the loop turns between the pieces', async () => {
    using bench = createBench();
    let rows = 0;
    let inOneTurn = 0;
    let most = 0;
    const count = setInterval(() => {}, 1000);
    const turns = { running: true };
    const watch = (async () => {
      while (turns.running) {
        await turn();
        most = Math.max(most, inOneTurn);
        inOneTurn = 0;
      }
    })();
    try {
      for await (const row of bench.db.reader.iterate<{ x: number }>(many, [], { timeoutMs: 600_000 })) {
        rows += 1;
        inOneTurn += 1;
        if (row.x !== rows) assert.equal(row.x, rows);
      }
    } finally {
      turns.running = false;
      clearInterval(count);
    }
    await watch;
    assert.equal(rows, total);
    assert.ok(most <= 1024, `${most} rows in one turn of the event loop`);
  });

  test('a slow consumer meets the limit too; rows before it were right', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const seen: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const row of bench.db.reader.iterate(million, [], { timeoutMs: 300, rows: 'first-column' })) {
        seen.push(row);
        if (seen.length % 100 === 0) await delay(20);
      }
    };
    await assert.rejects(read(), QueryTimeoutError);
    assert.deepEqual(
      seen,
      seen.map((_row, index) => index + 1),
    );
    assert.ok(performance.now() > 0);
  });
});
