import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import Native from 'better-sqlite3';
import {
  ClosedDatabaseError,
  Database,
  InvalidOptionError,
  SqliteConstraintError,
  SqliteForeignKeyError,
  SqliteFullError,
  SqliteUniqueError,
  UnsafeStatementError,
  WriteQueueFullError,
} from 'safe-sqlite';
import { createBench, inserter, outcomes } from './fixture.mts';

describe('a batch', () => {
  test('holds what was queued in one turn of the event loop, and commits once', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    assert.deepEqual(await outcomes([1, 2, 3].map(value => bench.db.write(() => insert(value)))), [1, 2, 3]);
    const { batches, committed, lastBatchSize, lastCommitMs, batchSizes, queued } = bench.opened.writes.facts();
    assert.deepEqual(
      { batches, committed, lastBatchSize, queued },
      { batches: 1, committed: 3, lastBatchSize: 3, queued: 0 },
    );
    assert.ok(lastCommitMs !== null && lastCommitMs > 0);
    assert.equal(batchSizes.buckets.find(({ upTo }) => upTo === 4)?.count, 1);
    assert.equal(batchSizes.buckets.find(({ upTo }) => upTo === 2)?.count, 0);
  });

  test('is committed before any of its promises resolves', async () => {
    using bench = createBench();
    const other = new Native(bench.file, { readonly: true });
    const insert = inserter(bench.db);
    const seen = await Promise.all(
      [1, 2, 3].map(async value => {
        await bench.db.write(() => insert(value));
        return other.prepare('SELECT count(*) FROM t').pluck().get();
      }),
    );
    other.close();
    assert.deepEqual(seen, [3, 3, 3]);
  });

  test('runs in order, each write sees those before it, and never holds more than maxBatch', async () => {
    using bench = createBench({ writes: { maxBatch: 4 } });
    const insert = inserter(bench.db);
    const count = bench.db.prepare('SELECT count(*) FROM t').pluck();
    const values = Array.from({ length: 10 }, (_, index) => index);
    const before = await Promise.all(
      values.map(value =>
        bench.db.write(() => {
          insert(value);
          return count.get();
        }),
      ),
    );
    assert.deepEqual(
      before,
      values.map(value => value + 1),
    );
    const { batches, batchSizes } = bench.opened.writes.facts();
    assert.equal(batches, 3);
    assert.equal(batchSizes.sum, 10);
  });

  test('ends early when its functions hold the event loop for long', async () => {
    using bench = createBench({ writes: { maxBatchMs: 10 } });
    const insert = inserter(bench.db);
    const slowly = (value: number) => () => {
      const end = performance.now() + 6;
      while (performance.now() < end);
      return insert(value);
    };
    await Promise.all([1, 2, 3, 4].map(value => bench.db.write(slowly(value))));
    // Two fit; on a slow machine it may be one at a time.
    assert.ok(bench.opened.writes.facts().batches >= 2);
  });

  test('rolls back alone the write that throws', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const mine = new Error('mine');
    const brought = await outcomes([
      bench.db.write(() => insert(1)),
      bench.db.write(() => {
        insert(2);
        throw mine;
      }),
      bench.db.write(() => insert(1)),
      bench.db.write(() => {
        insert(3);
        // oxlint-disable-next-line typescript/only-throw-error -- a failure must not be known by its value
        throw undefined;
      }),
      bench.db.write(() => insert(4)),
    ]);
    assert.equal(brought[1], mine);
    assert.ok(brought[2] instanceof SqliteUniqueError);
    assert.deepEqual([brought[0], brought[3], brought[4]], [1, undefined, 4]);
    assert.deepEqual(bench.rows(), [1, 4]);
    assert.equal(bench.opened.writes.facts().rejected, 3);
  });

  test('nests db.transaction and savepoints', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const inner = bench.db.transaction((value: number) => {
      insert(value);
      if (value === 2) throw new Error('inner');
    });
    await bench.db.write(() => {
      inner(1);
      assert.throws(() => inner(2), /inner/);
      bench.db.exec("SAVEPOINT s; INSERT INTO t (x) VALUES ('gone'); ROLLBACK TO s; RELEASE s; SAVEPOINT left_open");
      inner(3);
    });
    assert.deepEqual(bench.rows(), [1, 3]);
    assert.equal(bench.db.inTransaction, false);
  });

  test('runs each function in the async context of its caller', async () => {
    using bench = createBench();
    const storage = new AsyncLocalStorage<string>();
    const users = ['ann', 'bob', 'cid'];
    const seen = await Promise.all(
      users.map(user => storage.run(user, () => bench.db.write(() => storage.getStore()))),
    );
    assert.deepEqual(seen, users);
  });
});

describe('what a write function may not do', () => {
  test('be async or return a promise', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    let ran = false;
    const brought = await outcomes([
      bench.db.write(async () => (ran = true)),
      bench.db.write(() => {
        insert(1);
        return Promise.reject(new Error('nobody hears this'));
      }),
      bench.db.write(() => insert(2)),
    ]);
    assert.deepEqual(
      [brought[0], brought[1]].map(each => each instanceof TypeError),
      [true, true],
    );
    assert.equal(ran, false);
    await turn();
    assert.deepEqual(bench.rows(), [2]);
  });

  test('be a generator, of which a call runs nothing', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    // oxlint-disable-next-line require-yield -- it is what is tested
    function* change(): Generator<never> {
      insert(1);
    }
    await assert.rejects(bench.db.write(change), { name: 'TypeError', message: /cannot be a generator/ });
    await assert.rejects(bench.db.withSnapshot(change), { code: 'SAFE_SQLITE_INVALID_OPTION' });
    assert.deepEqual(bench.rows(), []);
  });

  test('return a query that begins when it is awaited: it never begins', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    // oxlint-disable-next-line unicorn/no-thenable -- the query builders of Drizzle and knex are such
    const query = { then: (resolve: (value: unknown) => void) => resolve(insert(1)) };
    class LazyPromise extends Promise<unknown> {
      // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
      override then(): never {
        insert(2);
        throw new Error('begun');
      }
    }
    const lazy = new LazyPromise(() => {});
    const brought = await outcomes([
      bench.db.write(() => query),
      bench.db.write(() => lazy),
      bench.db.write(() => insert(3)),
    ]);
    // One alone has no savepoint.
    brought.push(...(await outcomes([bench.db.write(() => query)])));
    for (const index of [0, 1, 3]) assert.match(String(brought[index]), /^TypeError.*cannot return a promise/);
    await turn();
    assert.deepEqual(bench.rows(), [3]);
  });

  test('call db.write: it throws there and then', async () => {
    using bench = createBench();
    const [error] = await outcomes([bench.db.write(() => bench.db.write(() => 1))]);
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /inside a write function/);
  });

  test('close the database', async () => {
    using bench = createBench();
    const [error] = await outcomes([bench.db.write(() => bench.db.close())]);
    assert.ok(error instanceof TypeError);
    assert.equal(bench.db.open, true);
  });

  test('close it from a listener that its COMMIT calls either', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    let refused: unknown;
    bench.opened.connection.commitHooks.beforeCommit(() => {
      try {
        bench.db.close();
      } catch (error) {
        refused = error;
      }
    });
    assert.equal(await bench.db.write(() => insert(1)), 1);
    assert.ok(refused instanceof TypeError);
    bench.opened.connection.commitHooks.beforeCommit(null);
  });

  test('end the transaction, by whichever way', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const ends = ['COMMIT', 'END', 'ROLLBACK'].map(sql => bench.db.prepare(sql));
    const ways: (() => unknown)[] = [
      ...ends.map(statement => () => statement.run()),
      () => bench.db.exec('INSERT INTO t (x) VALUES (9); COMMIT'),
      () => bench.db.exec('/* hidden */ ROLLBACK'),
      () => bench.db.prepare('COMMIT').run(),
    ];
    const brought = await outcomes(
      ways.flatMap((way, index) => [
        bench.db.write(() => insert(`kept ${index}`)),
        bench.db.write(() => {
          insert(`lost ${index}`);
          way();
        }),
      ]),
    );
    assert.deepEqual(
      bench.rows(),
      ways.map((_, index) => `kept ${index}`),
    );
    assert.ok(brought.every((each, index) => index % 2 === 0 || each instanceof UnsafeStatementError));
    // Outside they are what they always were.
    bench.db.exec('BEGIN');
    ends[0]?.run();
    assert.equal(bench.db.inTransaction, false);
  });

  test('release the savepoint that keeps it apart: nothing is stored, and no promise claims otherwise', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const brought = await outcomes([
      bench.db.write(() => insert(1)),
      bench.db.write(() => {
        insert(2);
        bench.db.exec('RELEASE "\tsafe-sqlite write\t"');
      }),
    ]);
    assert.ok(
      brought.every(each => each instanceof UnsafeStatementError && each.details['commitOutcome'] === 'unknown'),
    );
    assert.deepEqual(bench.rows(), []);
    assert.equal(await bench.db.write(() => insert(3)), 3);
  });

  test('leave an iterator open', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    bench.db.exec("INSERT INTO t (x) VALUES ('a'), ('b')");
    const select = bench.db.prepare('SELECT x FROM t');
    const leave = (value: number, fails: boolean) => () => {
      insert(value);
      select.iterate().next();
      if (fails) throw new RangeError('mine');
    };
    const brought = await outcomes([
      bench.db.write(leave(1, false)),
      bench.db.write(() => insert(2)),
      bench.db.write(leave(3, true)),
    ]);
    // One that has the transaction for itself has no savepoint.
    brought.push(...(await outcomes([bench.db.write(leave(4, false))])));
    brought.push(...(await outcomes([bench.db.write(leave(5, true))])));
    for (const index of [0, 3]) assert.match(String(brought[index]), /^TypeError.*SELECT x FROM t/);
    for (const index of [2, 4]) assert.match(String(brought[index]), /^RangeError: mine/);
    assert.equal(brought[1], 2);
    assert.deepEqual(bench.rows(), ['a', 'b', 2]);
    assert.equal(bench.db.inTransaction, false);
  });

  test('leave an iterator open that writes, in unsafe mode either', async () => {
    using bench = createBench({ writes: { timeoutMs: 100 } });
    bench.db.unsafeMode();
    const insert = inserter(bench.db);
    const returning = bench.db.prepare('INSERT INTO t (x) VALUES (?), (?) RETURNING x');
    const leave = (value: string, fails: boolean) => () => {
      returning.iterate(`${value} 1`, `${value} 2`).next();
      if (fails) throw new RangeError('mine');
    };
    for (const fails of [false, true]) {
      const brought = await outcomes([
        bench.db.write(() => insert(`${fails} 1`)),
        bench.db.write(leave('lost', fails)),
        bench.db.write(() => insert(`${fails} 2`)),
      ]);
      // One that has the transaction for itself has no savepoint.
      brought.push(...(await outcomes([bench.db.write(leave('lost', fails))])));
      brought.push(await bench.db.write(() => insert(`${fails} 3`)));
      for (const index of [1, 3])
        assert.match(String(brought[index]), fails ? /^RangeError/ : /^TypeError.*RETURNING x/);
      assert.deepEqual(
        [brought[0], brought[2], brought[4]],
        [1, 2, 3].map(number => `${fails} ${number}`),
      );
    }
    assert.deepEqual(bench.rows(), ['false 1', 'false 2', 'false 3', 'true 1', 'true 2', 'true 3']);
  });

  test('be called with what is no function, or with unknown options', async () => {
    using bench = createBench();
    const write = bench.db.write.bind(bench.db) as (fn: unknown, options?: unknown) => Promise<unknown>;
    const [none, unknown, notSignal, ...notPriority] = await outcomes([
      write(undefined),
      write(() => 1, { singal: null }),
      write(() => 1, { signal: {} }),
      write(() => 1, { priority: 'urgent' }),
      write(() => 1, { priority: 1 }),
      write(() => 1, { priority: null }),
    ]);
    assert.ok(none instanceof TypeError);
    assert.ok(unknown instanceof InvalidOptionError && /Did you mean `signal`/.test(unknown.message));
    assert.ok(notSignal instanceof InvalidOptionError);
    for (const error of notPriority) {
      assert.ok(error instanceof InvalidOptionError);
      assert.match(error.message, /^Expected the `priority` option to be `'high'` or `'normal'` or `'low'`, got /);
    }
  });
});

describe('a write that makes SQLite roll back everything', () => {
  const schema = `CREATE TRIGGER no_odd BEFORE INSERT ON t WHEN new.x = 'odd' BEGIN SELECT RAISE(ROLLBACK, 'odd'); END`;

  test('raw better-sqlite3: it takes the others with it, and what follows commits by itself', () => {
    const db = new Native(':memory:');
    db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, x UNIQUE); ${schema}`);
    const insert = db.prepare('INSERT INTO t (x) VALUES (?)');
    const savepoint = (value: unknown): void => {
      db.exec('SAVEPOINT s');
      try {
        insert.run(value);
      } catch {
        // One that goes on, as many programs do.
      }
      insert.run(`after ${String(value)}`);
    };
    db.exec('BEGIN IMMEDIATE');
    savepoint('first');
    savepoint('odd');
    assert.equal(db.inTransaction, false);
    assert.deepEqual(db.prepare('SELECT x FROM t').pluck().all(), ['after odd']);
    db.close();
  });

  for (const [name, cause] of [
    ['RAISE(ROLLBACK)', "INSERT INTO t (x) VALUES ('odd')"],
    ['ON CONFLICT ROLLBACK', 'INSERT OR ROLLBACK INTO t (x) VALUES (1)'],
  ] as const) {
    test(`${name}: it alone is rejected, the others run again and are stored`, async () => {
      using bench = createBench();
      bench.db.exec(schema);
      const insert = inserter(bench.db);
      const runs = new Map<unknown, number>();
      const counted = (value: unknown) => () => {
        runs.set(value, (runs.get(value) ?? 0) + 1);
        return insert(value);
      };
      const brought = await outcomes([
        bench.db.write(counted(1)),
        bench.db.write(counted(2)),
        bench.db.write(() => bench.db.exec(cause)),
        bench.db.write(counted(3)),
        bench.db.write(() => {
          insert('before');
          try {
            bench.db.exec(cause);
          } catch {
            // It goes on as if nothing had happened.
          }
          assert.throws(() => insert('after'), UnsafeStatementError);
          assert.throws(() => bench.rows(), UnsafeStatementError);
        }),
        bench.db.write(counted(4)),
      ]);
      assert.deepEqual(bench.rows(), [1, 2, 3, 4]);
      for (const index of [2, 4]) {
        const error = brought[index] as { code: string; commitOutcome: string };
        assert.match(error.code, /^SQLITE_CONSTRAINT/);
        assert.equal(error.commitOutcome, 'rolled-back');
      }
      assert.deepEqual([brought[0], brought[1], brought[3], brought[5]], [1, 2, 3, 4]);
      assert.deepEqual(
        [...runs],
        [
          [1, 2],
          [2, 2],
          [3, 2],
          [4, 1],
        ],
      );
      assert.equal(bench.opened.writes.facts().reruns, 3);
      // Reading works again.
      assert.equal(await bench.db.write(() => insert(5)), 5);
    });
  }

  test('a handle that its function opens after that is refused as well, until the function has ended', async () => {
    using bench = createBench();
    bench.db.exec(schema);
    const insert = inserter(bench.db);
    const opened: Database[] = [];
    const [error] = await outcomes([
      bench.db.write(() => {
        assert.throws(() => insert('odd'), SqliteConstraintError);
        const db = new Database(bench.opened as unknown as string);
        opened.push(db);
        assert.throws(() => db.exec("INSERT INTO t (x) VALUES ('by itself')"), UnsafeStatementError);
      }),
    ]);
    assert.ok(error instanceof SqliteConstraintError);
    assert.deepEqual(bench.rows(), []);
    for (const db of opened) db.exec("INSERT INTO t (x) VALUES ('later')").close();
    assert.deepEqual(bench.rows(), ['later']);
  });

  test('a deferred foreign key that COMMIT refuses: the one that broke it is found', async () => {
    using bench = createBench();
    bench.db.exec(`CREATE TABLE child (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)`);
    const insert = inserter(bench.db);
    const child = bench.db.prepare('INSERT INTO child VALUES (?)');
    const brought = await outcomes(
      Array.from({ length: 9 }, (_, index) =>
        bench.db.write(() => (index === 3 || index === 7 ? child.run(1000 + index) : insert(index))),
      ),
    );
    for (const [index, each] of brought.entries()) {
      if (index === 3 || index === 7)
        assert.ok(each instanceof SqliteForeignKeyError && each.commitOutcome === 'rolled-back');
      else assert.equal(each, index);
    }
    assert.deepEqual(bench.rows(), [0, 1, 2, 4, 5, 6, 8]);
    assert.deepEqual(bench.db.prepare('SELECT * FROM child').all(), []);
  });

  test('a full database: those that did not fit are rejected, the others are stored', async () => {
    using bench = createBench();
    bench.db.pragma('max_page_count = 12');
    const insert = inserter(bench.db);
    const large = (value: number): string => `${value}${'x'.repeat(6000)}`;
    const brought = await outcomes(Array.from({ length: 8 }, (_, index) => bench.db.write(() => insert(large(index)))));
    const stored = new Set(bench.rows());
    for (const [index, each] of brought.entries()) {
      if (each instanceof SqliteFullError) assert.equal(stored.has(large(index)), false);
      else assert.equal(stored.has(each), true);
    }
    assert.ok(stored.size > 0 && stored.size < 8);
  });
});

describe('the queue', () => {
  test('refuses at once what is beyond maxQueued', async () => {
    using bench = createBench({ writes: { maxQueued: 2 } });
    const insert = inserter(bench.db);
    const brought = await outcomes([1, 2, 3].map(value => bench.db.write(() => insert(value))));
    const error = brought[2];
    assert.ok(error instanceof WriteQueueFullError && error.retryable);
    assert.deepEqual(error.details, { file: bench.file, queued: 2, maxQueued: 2 });
    assert.deepEqual(bench.rows(), [1, 2]);
    assert.equal(bench.opened.writes.facts().refused, 1);
    assert.equal(await bench.db.write(() => insert(4)), 4);
  });

  test('takes the higher priority first, and within one priority what came first', async () => {
    using bench = createBench({ writes: { maxBatch: 2 } });
    const insert = inserter(bench.db);
    const wanted = ['low', undefined, 'high', 'normal', 'low', 'high'] as const;
    const promises = wanted.map((priority, index) => bench.db.write(() => insert(index), { priority }));
    const { queued, queuedByPriority } = bench.opened.writes.facts();
    assert.deepEqual({ queued, ...queuedByPriority }, { queued: 6, high: 2, normal: 2, low: 2 });
    await Promise.all(promises);
    assert.deepEqual(bench.rows(), [2, 5, 1, 3, 0, 4]);
  });

  test('starves no write: of eight writes one is the oldest', async () => {
    using bench = createBench({ writes: { maxBatch: 4 } });
    const insert = inserter(bench.db);
    let stored = false;
    const low = bench.db.write(() => insert('low'), { priority: 'low' }).then(() => (stored = true));
    let overtook = 0;
    // Two callers with a high priority that never stop: without the rule the low one would wait for as long as they do.
    const caller = async (name: string): Promise<void> => {
      for (let number = 0; number < 50; number += 1) {
        await Promise.all(
          Array.from({ length: 4 }, (_, index) =>
            bench.db.write(() => insert(`${name} ${number} ${index}`), { priority: 'high' }),
          ),
        );
        if (!stored) overtook += 4;
      }
    };
    await Promise.all([low, caller('a'), caller('b')]);
    assert.equal(bench.rows().indexOf('low'), 7);
    assert.ok(overtook < 100);
  });

  test('runs again what was rolled back before what came later with a higher priority', async () => {
    using bench = createBench();
    bench.db.exec(
      "CREATE TRIGGER no_odd BEFORE INSERT ON t WHEN new.x = 'odd' BEGIN SELECT RAISE(ROLLBACK, 'odd'); END",
    );
    const insert = inserter(bench.db);
    const first = outcomes([1, 'odd', 2].map(value => bench.db.write(() => insert(value), { priority: 'low' })));
    await new Promise(resolve => setImmediate(resolve));
    assert.equal(bench.opened.writes.facts().queuedByPriority.low, 2);
    const late = bench.db.write(() => insert('late'), { priority: 'high' });
    await Promise.all([first, late]);
    assert.deepEqual(bench.rows(), [1, 'late', 2]);
  });

  test('lets a signal take out what has not begun', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const [before, waiting, running] = [new AbortController(), new AbortController(), new AbortController()];
    before.abort(new Error('before'));
    const promises = [
      bench.db.write(() => insert(1), { signal: before.signal }),
      bench.db.write(() => insert(2), { signal: waiting.signal }),
      bench.db.write(
        () => {
          running.abort(new Error('too late'));
          return insert(3);
        },
        { signal: running.signal },
      ),
    ];
    waiting.abort(new Error('waiting'));
    const brought = await outcomes(promises);
    assert.deepEqual(
      brought.map(each => (each instanceof Error ? each.message : each)),
      ['before', 'waiting', 3],
    );
    assert.deepEqual(bench.rows(), [3]);
  });

  test('lets a signal take out what was rolled back because of others, and runs the rest as it was', async () => {
    using bench = createBench();
    bench.db.exec(
      `CREATE TRIGGER no_odd BEFORE INSERT ON t WHEN new.x = 'odd' BEGIN SELECT RAISE(ROLLBACK, 'odd'); END;
       CREATE TABLE child (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)`,
    );
    const insert = inserter(bench.db);
    const child = bench.db.prepare('INSERT INTO child VALUES (1000)');
    for (const [name, culprit] of [
      ['thrown out', () => insert('odd')],
      ['split', () => child.run()],
    ] as const) {
      const [unused, meanwhile] = [new AbortController(), new AbortController()];
      bench.db.exec('DELETE FROM t');
      const abort = () => {
        assert.equal(meanwhile.signal.aborted, false, name);
        meanwhile.abort(new Error('meanwhile'));
        return insert(0);
      };
      const [takenBack, first, failed, ...behind] = await outcomes([
        bench.db.write(abort, { signal: meanwhile.signal }),
        bench.db.write(() => insert(1), { signal: unused.signal }),
        bench.db.write(culprit),
        bench.db.write(() => insert(2)),
        bench.db.write(() => insert(3)),
      ]);
      assert.equal(String(takenBack), 'Error: meanwhile', name);
      assert.ok(failed instanceof SqliteConstraintError, name);
      assert.deepEqual([first, ...behind], [1, 2, 3], name);
      assert.deepEqual(bench.rows(), [1, 2, 3], name);
    }
  });

  test('lets a signal take out the last that would run again', async () => {
    using bench = createBench({ journalMode: 'rollback' });
    const reader = await bench.reader();
    const insert = inserter(bench.db);
    const controller = new AbortController();
    const write = () => {
      controller.abort(new Error('meanwhile'));
      return insert(1);
    };
    const [error] = await outcomes([bench.db.write(write, { signal: controller.signal })]);
    assert.equal(String(error), 'Error: meanwhile');
    await reader.ask('exec', 'COMMIT');
    assert.equal(await bench.db.write(() => insert(2)), 2);
    assert.deepEqual(bench.rows(), [2]);
  });

  test('rejects everything with the refusal of a fenced connection', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const fence = new Error('fenced');
    const queued = bench.db.write(() => insert(1));
    bench.opened.connection.refuse(() => fence);
    assert.deepEqual(await outcomes([queued, bench.db.write(() => insert(2))]), [fence, fence]);
  });

  test('tells the write that runs when the fence falls, and the others of its batch, and rolls them back', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const fence = new Error('fenced');
    const brought = await outcomes([
      bench.db.write(() => insert(1)),
      bench.db.write(() => {
        bench.opened.connection.commitHooks.beforeCommit(() => {
          bench.opened.connection.refuse(() => fence);
          throw fence;
        });
      }),
    ]);
    assert.deepEqual(brought, [fence, fence]);
    const other = new Native(bench.file, { readonly: true });
    assert.deepEqual(other.prepare('SELECT * FROM t').all(), []);
    other.close();
  });
});

describe('close', () => {
  test('runs first what is queued', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    const promises = [1, 2, 3].map(value => bench.db.write(() => insert(value)));
    bench.db.close();
    assert.deepEqual(await outcomes(promises), [1, 2, 3]);
    const [late] = await outcomes([bench.db.write(() => insert(4))]);
    assert.ok(late instanceof ClosedDatabaseError);
    const other = new Native(bench.file, { readonly: true });
    assert.deepEqual(other.prepare('SELECT x FROM t').pluck().all(), [1, 2, 3]);
    other.close();
  });

  test('rejects what cannot run, because a transaction is open', async () => {
    using bench = createBench();
    const insert = inserter(bench.db);
    bench.db.exec('BEGIN');
    const queued = bench.db.write(() => insert(1));
    bench.db.close();
    const [error] = await outcomes([queued]);
    assert.ok(error instanceof ClosedDatabaseError);
    assert.match(error.hint, /nothing of it is stored/);
  });

  test('of one handle runs what this handle queued; another one stays open', async () => {
    using bench = createBench();
    const second = new Database(bench.opened as unknown as string);
    const insert = inserter(bench.db);
    const insertSecond = inserter(second);
    const promises = [second.write(() => insertSecond(1)), bench.db.write(() => insert(2))];
    second.close();
    assert.deepEqual(await outcomes(promises), [1, 2]);
    assert.deepEqual(bench.rows(), [1, 2]);
  });

  test('with await using waits for the queue and takes no more', async () => {
    using bench = createBench();
    const late: Promise<unknown[]>[] = [];
    const promises: Promise<unknown>[] = [];
    {
      await using db = new Database(bench.file, { logger: false });
      const insert = inserter(db);
      promises.push(db.write(() => insert(1)));
      bench.db.exec('BEGIN IMMEDIATE');
      setImmediate(() => {
        late.push(outcomes([db.write(() => insert(2))]));
        setTimeout(() => bench.db.exec('COMMIT'), 30);
      });
    }
    assert.deepEqual(await outcomes(promises), [1]);
    const [error] = (await late[0]) ?? [];
    assert.ok(error instanceof ClosedDatabaseError);
    assert.deepEqual(bench.rows(), [1]);
  });
});

describe('what one run leaves for the next', () => {
  test('a write that failed in a batch that was rolled back runs again, and counts by its last run', async () => {
    using bench = createBench();
    bench.db.exec(
      "CREATE TRIGGER no_odd BEFORE INSERT ON t WHEN new.x = 'odd' BEGIN SELECT RAISE(ROLLBACK, 'odd'); END",
    );
    const insert = inserter(bench.db);
    let runs = 0;
    const [first, second, third] = await outcomes([
      bench.db.write(() => {
        runs += 1;
        if (runs === 1) throw new Error('only the first time');
        return insert('kept');
      }),
      bench.db.write(() => insert('also kept')),
      bench.db.write(() => insert('odd')),
    ]);
    assert.equal(first, 'kept');
    assert.equal(second, 'also kept');
    assert.ok(third instanceof Error);
    assert.equal(runs, 2);
    assert.deepEqual(bench.rows(), ['kept', 'also kept']);
  });

  test('the time that a batch may wait for a lock ends with it: the next call waits as the application set it', async () => {
    using bench = createBench({ timeout: 10_000 });
    const insert = inserter(bench.db);
    const locker = await bench.locker();
    await bench.db.write(() => insert(1));
    await locker.ask('holdFor', 300);
    // db.write itself waits for no lock in place.
    insert(2);
    assert.deepEqual(bench.rows(), [1, 2]);
  });

  test('an iterator that a write left open in unsafe mode ends with its rollback', async () => {
    using bench = createBench();
    const { db } = bench;
    db.exec('PRAGMA foreign_keys = ON; CREATE TABLE c (p REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)');
    const insert = inserter(db);
    for (const value of [1, 2, 3]) insert(value);
    db.unsafeMode(true);
    let iterator: Iterator<unknown> | undefined;
    const [error] = await outcomes([
      db.write(() => {
        db.exec('INSERT INTO c VALUES (99)');
        iterator = db.prepare('SELECT x FROM t').iterate();
        iterator.next();
      }),
    ]);
    assert.equal((error as { code?: string }).code, 'SQLITE_CONSTRAINT_FOREIGNKEY');
    assert.equal(db.inTransaction, false);
    assert.deepEqual(iterator?.next(), { value: undefined, done: true });
    assert.deepEqual(bench.rows(), [1, 2, 3]);
  });
});
