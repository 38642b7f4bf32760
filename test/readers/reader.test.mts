/** Tests what `db.reader` returns, refuses and sees. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { ClosedDatabaseError, Database, openDatabase, UnsafeStatementError, type RowForm } from 'safe-sqlite';
import { createBench, endless } from './fixture.mts';

describe('rows', () => {
  test('are those of better-sqlite3: objects, arrays, first column, integers, parameters of every kind', async () => {
    using bench = createBench();
    const { db, file } = bench;
    db.exec(`CREATE TABLE v (a, b); INSERT INTO v VALUES (1, 'one'), (2.5, x'00ff'), (NULL, 9007199254740993)`);
    const native = new Native(file, { readonly: true });
    const texts: [sql: string, parameters: unknown][] = [
      ['SELECT * FROM v ORDER BY rowid LIMIT 2', []],
      ['SELECT ? AS x, ? AS y', [1, 'two']],
      ['SELECT @a AS x, @b AS y', { a: Buffer.from([1, 2]), b: null }],
      ['SELECT ? AS x, @b AS y', [1, { b: 2 }]],
      ['SELECT ? AS x, ? AS y', [[1, 2n]]],
      ['SELECT a AS same, b AS same FROM v WHERE a = 1', []],
      ['SELECT 1 AS "2", 3 AS "1"', []],
      ['SELECT 1 AS "__proto__", 2 AS x', []],
      ['SELECT * FROM v WHERE 0', []],
      ['PRAGMA table_info(v)', []],
      ['EXPLAIN QUERY PLAN SELECT * FROM v', []],
      ['-- a comment\n; SELECT count(*) FROM t', []],
    ];
    for (const [sql, parameters] of texts) {
      const given = (Array.isArray(parameters) ? parameters : [parameters]) as unknown[];
      for (const rows of ['objects', 'arrays', 'first-column'] as RowForm[]) {
        const statement = native.prepare(sql);
        if (rows === 'arrays') statement.raw();
        if (rows === 'first-column') statement.pluck();
        assert.deepEqual(
          await db.reader.all(sql, parameters as never, { rows }),
          statement.all(...given),
          `${sql} ${rows}`,
        );
        assert.deepEqual(
          await db.reader.get(sql, parameters as never, { rows }),
          statement.get(...given),
          `${sql} ${rows}`,
        );
        const iterated: unknown[] = [];
        for await (const row of db.reader.iterate(sql, parameters as never, { rows })) iterated.push(row);
        assert.deepEqual(iterated, statement.all(...given));
      }
    }
    const big = 'SELECT b FROM v WHERE a IS NULL';
    assert.deepEqual(await db.reader.get(big, [], { safeIntegers: true }), { b: 9007199254740993n });
    db.defaultSafeIntegers();
    assert.deepEqual(await db.reader.get(big), { b: 9007199254740993n }, 'as the handle has it');
    native.close();
  });

  test('hold every value as better-sqlite3 returns it, across the processes', async () => {
    using bench = createBench({ readers: { max: 1 } }, 1);
    const native = new Native(bench.file, { readonly: true });
    const shared = Buffer.from('0123456789').subarray(2, 5);
    const values = [
      [0, -0, 1.5, 2 ** 53, -(2 ** 53), NaN, Infinity, -Infinity, Number.MIN_VALUE, 5e300],
      ['', 'naïve', '\ud800', 'a\0b', '🙂'.repeat(1000), 'x'.repeat(300_000)],
      [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 80n],
      [Buffer.alloc(0), shared, new Uint8Array([1, 2]), new Float64Array([1.5])],
      [null, undefined],
    ].flat();
    const sql = 'SELECT v, typeof(v) AS type FROM (SELECT ? AS v)';
    const answer = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        return [(error as Error).name, (error as Error).message];
      }
    };
    for (const value of values) {
      for (const safeIntegers of [false, true]) {
        const expected = answer(() => native.prepare(sql).safeIntegers(safeIntegers).all(value));
        const found = await bench.db.reader
          .all(sql, [value as never], { safeIntegers })
          .catch((error: Error) => [error.name, error.message]);
        assert.deepEqual(found, expected, `${typeof value} ${String(value).slice(0, 20)}`);
        const [row] = found as { v: unknown }[];
        if (ArrayBuffer.isView(row?.v)) assert.ok(Buffer.isBuffer(row.v));
      }
    }
    native.close();
  });

  test('follow a change of the schema although the statement stays prepared in the reader', async () => {
    using bench = createBench({ readers: { max: 1 } }, 1);
    const { db } = bench;
    assert.deepEqual(await db.reader.all('SELECT * FROM t'), [{ id: 1, text: 'row 1' }]);
    db.exec('ALTER TABLE t ADD COLUMN more DEFAULT 7');
    assert.deepEqual(await db.reader.all('SELECT * FROM t'), [{ id: 1, text: 'row 1', more: 7 }]);
  });

  test('of one call do not depend on the form of the call before', async () => {
    using bench = createBench({ readers: { max: 1 } }, 1);
    const sql = 'SELECT id, text FROM t';
    const forms: RowForm[] = ['arrays', 'objects', 'first-column', 'arrays', 'first-column', 'objects'];
    const expected = { arrays: [[1, 'row 1']], objects: [{ id: 1, text: 'row 1' }], 'first-column': [1] };
    for (const rows of forms) assert.deepEqual(await bench.db.reader.all(sql, [], { rows }), expected[rows], rows);
  });
});

describe('refused before it runs', () => {
  const statements = [
    'INSERT INTO t (text) VALUES (1)',
    'WITH x AS (SELECT 1) DELETE FROM t',
    'REPLACE INTO t VALUES (1, 2)',
    "UPDATE t SET text = '' RETURNING id",
    'CREATE TABLE u (a)',
    'CREATE TEMP TABLE u (a)',
    'DROP TABLE t',
    'VACUUM',
    "VACUUM INTO '/tmp/copy.db'",
    "/* x */ VACUUM INTO '/tmp/copy.db'",
    'ANALYZE',
    'REINDEX',
    "ATTACH ':memory:' AS m",
    '-- x\nATTACH ? AS m',
    'DETACH m',
    'BEGIN',
    'BEGIN IMMEDIATE',
    'COMMIT',
    'END',
    'ROLLBACK',
    'SAVEPOINT s',
    'RELEASE s',
    'ROLLBACK TO s',
    'PRAGMA journal_mode = DELETE',
    'EXPLAIN PRAGMA journal_mode = DELETE',
    'PRAGMA main.query_only = 0',
    'PRAGMA query_only(0)',
    'PRAGMA hard_heap_limit = 1',
    'PRAGMA wal_checkpoint',
    'PRAGMA wal_checkpoint(TRUNCATE)',
    'PRAGMA optimize',
    'PRAGMA incremental_vacuum(1)',
    'PRAGMA user_version = 3',
    'PRAGMA table_infos(t)',
    'PRAGMA busy_timeout = 0',
  ];

  test('whatever writes, attaches, begins, ends or sets; nothing of it has happened', async () => {
    using bench = createBench();
    const { db, file } = bench;
    const before = db.serialize();
    for (const sql of statements) {
      await assert.rejects(db.reader.all(sql), UnsafeStatementError, sql);
      await assert.rejects(db.reader.get(sql), UnsafeStatementError, sql);
      await assert.rejects(db.reader.iterate(sql).next(), UnsafeStatementError, sql);
    }
    assert.ok(before.equals(db.serialize()));
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
    assert.deepEqual(await db.reader.get('PRAGMA query_only'), { query_only: 1 });
    // A writing raw connection shows that the list is one of statements that would have done something.
    const native = new Native(file);
    assert.equal(native.prepare(statements[0] ?? '').run().changes, 1);
    native.close();
  });

  test('EXPLAIN of a statement that writes is not: it runs nothing', async () => {
    using bench = createBench({}, 1);
    assert.ok((await bench.db.reader.all('EXPLAIN INSERT INTO t (text) VALUES (1)')).length > 0);
    await bench.db.reader.all('EXPLAIN QUERY PLAN DELETE FROM t');
    assert.deepEqual(await bench.db.reader.get('SELECT count(*) AS n FROM t'), { n: 1 });
  });

  test('reading pragmas with an argument are not', async () => {
    using bench = createBench();
    for (const sql of [
      'PRAGMA table_xinfo(t)',
      'PRAGMA quick_check(1)',
      'PRAGMA main.index_list = t',
      'PRAGMA journal_mode',
    ]) {
      assert.ok(Array.isArray(await bench.db.reader.all(sql)), sql);
    }
  });

  test('arguments of a wrong type reject with the messages of better-sqlite3', async () => {
    using bench = createBench();
    const { db } = bench;
    const wrong: [parameters: unknown, message: RegExp][] = [
      [[true], /can only bind/],
      [[new Date()], /can only bind/],
      [[() => 1], /can only bind/],
      [[new DataView(new ArrayBuffer(3))], /can only bind/],
      [[1, 2], /Too many parameter values/],
      [[], /Too few parameter values/],
      [5, /array or an object/],
    ];
    for (const [parameters, message] of wrong) {
      await assert.rejects(db.reader.all('SELECT ?', parameters as never), { message });
    }
    await assert.rejects(db.reader.all('SELECT 1; SELECT 2'), RangeError);
    await assert.rejects(db.reader.all('SELECT missing'), { code: 'SQLITE_ERROR', message: 'no such column: missing' });
  });
});

describe('what a read sees', () => {
  test('every write that has resolved, and never one that is not committed', async () => {
    using bench = createBench({}, 1);
    const { db } = bench;
    const count = async (): Promise<unknown> => db.reader.get('SELECT count(*) FROM t', [], { rows: 'first-column' });
    for (let written = 1; written <= 50; written += 1) {
      assert.equal(await count(), written);
      await db.write(() => db.prepare('INSERT INTO t (text) VALUES (?)').run('x'));
    }
    db.exec('BEGIN; DELETE FROM t');
    assert.equal(await count(), 51);
    db.exec('COMMIT');
    assert.equal(await count(), 0);
  });

  test('in a snapshot one state, whatever is committed meanwhile, from the call on', async () => {
    using bench = createBench({ readers: { max: 2 } }, 10);
    const { db } = bench;
    const sql = 'SELECT count(*) AS n FROM t';
    const seen = await db.reader.snapshot(async reader => {
      await db.write(() => db.exec('DELETE FROM t WHERE id > 5'));
      const first = await reader.get(sql);
      await db.write(() => db.exec('DELETE FROM t'));
      const rows: unknown[] = [];
      for await (const row of reader.iterate('SELECT id FROM t', [], { rows: 'first-column' })) {
        rows.push(row);
        if (rows.length === 3) break;
      }
      return [first, await Promise.all([reader.get(sql), reader.all(sql)]), rows];
    });
    assert.deepEqual(seen, [{ n: 10 }, [{ n: 10 }, [{ n: 10 }]], [1, 2, 3]]);
    assert.deepEqual(await db.reader.get(sql), { n: 0 });
    assert.equal((await db.checkpoint('truncate')).complete, true, 'the snapshot holds the WAL no longer');
  });

  test('in a snapshot a loop may read, run a second loop, and the same SQL, without waiting for its own end', async () => {
    using bench = createBench({ readers: { max: 1 } }, 2000);
    const { db } = bench;
    const sql = 'SELECT id FROM t ORDER BY id';
    const seen: unknown[] = [];
    await db.reader.snapshot(async reader => {
      for await (const outer of reader.iterate(sql, [], { rows: 'first-column' })) {
        if (seen.length === 0) await db.write(() => db.exec('DELETE FROM t WHERE id > 1'));
        let inner = 0;
        if (Number(outer) % 700 === 1) for await (const _ of reader.iterate(sql)) inner += 1;
        const one = await reader.get('SELECT count(*) AS n FROM t WHERE id <= ?', [outer as number]);
        seen.push([outer, one, inner]);
      }
    });
    const expected = Array.from({ length: 2000 }, (_, at) => [at + 1, { n: at + 1 }, (at + 1) % 700 === 1 ? 2000 : 0]);
    assert.deepEqual(seen, expected);
    assert.equal(db.health().readers.killed, 0);
  });

  test('in a snapshot the limit of an inner query ends all of it, with its own error', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    const outcome = db.reader.snapshot(async reader => {
      const outer = reader.iterate('SELECT id FROM t');
      await outer.next();
      await reader.all(endless, [], { timeoutMs: 100 });
    });
    await assert.rejects(outcome, { code: 'SAFE_SQLITE_QUERY_TIMEOUT', message: /did not end within 100 ms/ });
    assert.deepEqual(await db.reader.get('SELECT 1 AS a'), { a: 1 });
  });

  test('a snapshot rejects with what its function throws, and its reader cannot be used afterwards', async () => {
    using bench = createBench({ readers: { max: 1 } });
    const { db } = bench;
    const failure = new Error('mine');
    await assert.rejects(
      db.reader.snapshot(() => Promise.reject(failure)),
      failure,
    );
    const escaped = await db.reader.snapshot(reader => reader);
    await assert.rejects(escaped.all('SELECT 1'), TypeError);
    await assert.rejects(
      db.reader.snapshot(() => db.reader.get('SELECT 1')),
      TypeError,
      'it would wait for the reader of its own snapshot',
    );
    assert.deepEqual(await db.reader.get('SELECT 1 AS a'), { a: 1 });
  });
});

describe('a database without a file', () => {
  for (const name of [':memory:', '']) {
    test(`${name === '' ? 'temporary' : name}: read from a copy between two transactions, said once`, async () => {
      const db = new Database(name, { logger: false });
      const warnings: string[] = [];
      db.events.on('warning', ({ code }) => warnings.push(code));
      db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)');
      db.exec('BEGIN; DELETE FROM t');
      const reading = db.reader.all('SELECT a FROM t');
      // The transaction stays open while the reader would start.
      for (let turns = 0; turns < 10; turns += 1) await turn();
      db.exec('ROLLBACK');
      assert.deepEqual(await reading, [{ a: 1 }, { a: 2 }]);
      assert.deepEqual(
        await db.reader.snapshot(async r => [await r.get('SELECT 1 AS a'), await r.all('SELECT a FROM t')]),
        [{ a: 1 }, [{ a: 1 }, { a: 2 }]],
      );
      await assert.rejects(db.reader.all('DELETE FROM t'), UnsafeStatementError);
      await assert.rejects(db.reader.all('DROP TABLE t'), UnsafeStatementError);
      assert.deepEqual(warnings, ['readers-in-thread']);
      assert.equal(db.health().readers.mode, 'thread');
      db.close();
      await assert.rejects(db.reader.all('SELECT 1'), ClosedDatabaseError);
    });
  }
});

test('handles of one connection close alone: what the other one reads goes on', async () => {
  using bench = createBench();
  const one = openDatabase(bench.file, { logger: false });
  const other = openDatabase(bench.file, { logger: false });
  const long =
    'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 300000) SELECT count(*) AS n FROM c';
  const mine = one.reader.all(long);
  const theirs = other.reader.all(long);
  one.close();
  await assert.rejects(mine, ClosedDatabaseError);
  assert.deepEqual(await theirs, [{ n: 300_000 }]);
  other.close();
});
