import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference, suite, thrownBy } from './subjects.mts';

suite('transactions', bench => {
  const rows = (db: ReturnType<typeof bench.open>): unknown[] =>
    db.prepare('SELECT a FROM t ORDER BY id').pluck().all();

  test('commits, returns the result, passes arguments and this', () => {
    const db = bench.open();
    const insert = db.prepare('INSERT INTO t (a) VALUES (?)');
    const add = db.transaction(function (this: unknown, ...values: unknown[]) {
      for (const value of values) insert.run(value);
      return { self: this, inTransaction: db.inTransaction };
    });
    const self = { add };
    const { self: seen, inTransaction } = self.add(1, 2);
    assert.equal(seen, self);
    assert.equal(inTransaction, true);
    assert.equal(db.inTransaction, false);
    assert.deepEqual(rows(db), [1, 2]);
  });

  test('rolls back when the function throws, and throws the same error', () => {
    const db = bench.open();
    const mine = new Error('mine');
    const fail = db.transaction(() => {
      db.exec('INSERT INTO t (a) VALUES (1)');
      throw mine;
    });
    assert.equal(thrownBy(fail), mine);
    assert.deepEqual(rows(db), []);
    assert.equal(db.inTransaction, false);
  });

  test('nested calls are savepoints', () => {
    const db = bench.open();
    const insert = db.prepare('INSERT INTO t (a) VALUES (?)');
    const inner = db.transaction((value: unknown, fail: boolean) => {
      insert.run(value);
      if (fail) throw new Error('inner');
    });
    db.transaction(() => {
      insert.run('outer');
      inner('kept', false);
      assert.throws(() => inner('undone', true), /inner/);
      assert.equal(db.inTransaction, true);
    })();
    assert.deepEqual(rows(db), ['outer', 'kept']);
  });

  test('has its variants on each other, and the database', () => {
    const db = bench.open();
    const run = db.transaction(() => db.inTransaction);
    for (const name of ['default', 'deferred', 'immediate', 'exclusive'] as const) {
      assert.equal(run[name](), true);
      assert.equal(Reflect.get(run[name], 'immediate'), Reflect.get(run, 'immediate'));
      assert.equal(Reflect.get(run[name], 'database'), db);
    }
    assert.equal(Reflect.get(run, 'default'), run);
    assert.equal(run.length, 0);
    assert.throws(() => Object.assign(run, { deferred: null }), TypeError);
  });

  test('immediate takes the write lock, deferred does not', () => {
    const db = bench.open();
    const other = new bench.Database(db.name, { timeout: 0, logger: false } as object);
    const write = (): unknown => other.exec('INSERT INTO t (a) VALUES (1)');
    db.transaction(() => assert.equal(write(), other)).deferred();
    db.transaction(() => assert.equal(thrownBy(write).code, 'SQLITE_BUSY')).immediate();
    other.close();
  });

  test('refuses a promise, and rolls back', async () => {
    const db = bench.open();
    const run = db.transaction(async () => {
      db.exec('INSERT INTO t (a) VALUES (1)');
    });
    assert.throws(run, (error: unknown) => error instanceof TypeError && /promise/.test(error.message));
    assert.deepEqual(rows(db), []);
    assert.throws(() => db.transaction(null as never), TypeError);
  });

  test('leaves alone a transaction that the function ended itself', () => {
    const db = bench.open();
    const error = thrownBy(
      db.transaction(() => {
        db.exec('INSERT INTO t (a) VALUES (1)');
        db.exec('ROLLBACK');
        throw new Error('after');
      }),
    );
    assert.equal(error.message, 'after');
    assert.equal(db.inTransaction, false);
  });

  test('works by hand as well', () => {
    const db = bench.open();
    db.exec('BEGIN');
    assert.equal(db.inTransaction, true);
    db.transaction(() => db.exec('INSERT INTO t (a) VALUES (1)'))();
    assert.equal(db.inTransaction, true);
    db.prepare('COMMIT').run();
    assert.deepEqual(rows(db), [1]);
  });

  test('closing rolls back what is open', () => {
    const db = bench.open();
    db.exec('BEGIN; INSERT INTO t (a) VALUES (1)');
    db.close();
    const again = new bench.Database(db.name, { logger: false } as object);
    assert.deepEqual(again.prepare('SELECT a FROM t').all(), []);
    again.close();
  });

  difference('A COMMIT that failed says what became of it', bench, {
    theirs() {
      const error = failedCommit();
      assert.equal(error.code, 'SQLITE_CONSTRAINT_FOREIGNKEY');
      assert.equal(Reflect.get(error, 'commitOutcome'), undefined);
    },
    ours() {
      const error = failedCommit();
      assert.equal(error.code, 'SQLITE_CONSTRAINT_FOREIGNKEY');
      assert.equal(Reflect.get(error, 'commitOutcome'), 'rolled-back');
    },
  });

  function failedCommit(): Error & { code?: string } {
    const db = bench.open();
    db.exec('CREATE TABLE child (parent REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)');
    const error = thrownBy(db.transaction(() => db.exec('INSERT INTO child VALUES (99)')));
    assert.equal(db.inTransaction, false);
    assert.deepEqual(db.prepare('SELECT * FROM child').all(), []);
    return error;
  }
});
