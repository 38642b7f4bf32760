import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { difference, suite, thrownBy } from './subjects.mts';

function textOf(statement: { toString(): string }): string {
  return statement.toString();
}

suite('statements', bench => {
  test('run, get, all and iterate', () => {
    const db = bench.open();
    const insert = db.prepare('INSERT INTO t (a, b) VALUES (?, ?)');
    assert.deepEqual(insert.run('x', 1), { changes: 1, lastInsertRowid: 1 });
    assert.deepEqual(insert.run('y', 2), { changes: 1, lastInsertRowid: 2 });
    const select = db.prepare('SELECT a, b FROM t WHERE b >= ? ORDER BY b');
    assert.deepEqual(select.get(1), { a: 'x', b: 1 });
    assert.equal(select.get(9), undefined);
    assert.deepEqual(select.all(1), [
      { a: 'x', b: 1 },
      { a: 'y', b: 2 },
    ]);
    assert.deepEqual([...select.iterate(2)], [{ a: 'y', b: 2 }]);
    assert.deepEqual(db.prepare('UPDATE t SET b = 0').run(), { changes: 2, lastInsertRowid: 2 });
    assert.deepEqual(db.prepare('DELETE FROM t RETURNING a').all(), [{ a: 'x' }, { a: 'y' }]);
  });

  test('every way to bind', () => {
    const db = bench.memory();
    const rows: [string, unknown[]][] = [
      ['SELECT ? AS v', [1]],
      ['SELECT ? AS v', [[1]]],
      ['SELECT @v AS v', [{ v: 1 }]],
      ['SELECT :v AS v', [{ v: 1 }]],
      ['SELECT $v AS v', [{ v: 1 }]],
      ['SELECT ? + @w AS v', [0, { w: 1 }]],
    ];
    for (const [sql, params] of rows) assert.deepEqual(db.prepare(sql).get(...params), { v: 1 }, sql);
    const values = [1n, 2.5, 'text', null, Buffer.from([1, 2])];
    assert.deepEqual(
      db
        .prepare('SELECT ?, ?, ?, ?, ?')
        .raw()
        .get(...values),
      [1, ...values.slice(1)],
    );
  });

  test('wrong bindings are errors, and the statement works afterwards', () => {
    const db = bench.memory();
    const statement = db.prepare('SELECT ? AS v');
    for (const [params, type] of [
      [[], RangeError],
      [[1, 2], RangeError],
      [[{}], RangeError],
      [[true], TypeError],
      [[Symbol('x')], TypeError],
      [[() => {}], TypeError],
      [[new Date()], TypeError],
    ] as const) {
      assert.throws(() => statement.get(...params), type, inspect(params));
    }
    assert.throws(() => db.prepare('SELECT @v').get({ w: 1 }), RangeError);
    assert.deepEqual(statement.get(5), { v: 5 });
  });

  test('the shape of a statement', () => {
    const db = bench.open();
    const select = db.prepare('SELECT a FROM t');
    const insert = db.prepare('INSERT INTO t (a) VALUES (1)');
    assert.equal(select.database, db);
    assert.equal(select.source, 'SELECT a FROM t');
    assert.deepEqual([select.reader, select.readonly, select.busy], [true, true, false]);
    assert.deepEqual([insert.reader, insert.readonly], [false, false]);
    assert.deepEqual(Object.keys(select).toSorted(), ['busy', 'database', 'reader', 'readonly', 'source']);
    assert.equal(select.constructor.name, 'Statement');
    assert.equal(Object.getPrototypeOf(select), Object.getPrototypeOf(insert));
    assert.throws(() => Reflect.construct(select.constructor, ['SELECT 1']), TypeError);
    assert.throws(() => Object.assign(select, { busy: true }), TypeError);
    assert.equal(textOf(select), 'SELECT a FROM t');
  });

  test('pluck, raw, expand, safeIntegers, columns', () => {
    const db = bench.open();
    db.exec("INSERT INTO t (a, b) VALUES ('x', 7)");
    const statement = db.prepare('SELECT a, b FROM t');
    assert.equal(statement.pluck(), statement);
    assert.equal(statement.get(), 'x');
    assert.deepEqual(statement.raw().get(), ['x', 7]);
    assert.deepEqual(statement.expand().get(), { t: { a: 'x', b: 7 } });
    assert.deepEqual(statement.expand(false).get(), { a: 'x', b: 7 });
    assert.deepEqual(statement.safeIntegers().get(), { a: 'x', b: 7n });
    assert.deepEqual(
      statement.columns().map(column => [column.name, column.table, column.database, column.column]),
      [
        ['a', 't', 'main', 'a'],
        ['b', 't', 'main', 'b'],
      ],
    );
    const insert = db.prepare('INSERT INTO t (a) VALUES (1)');
    for (const call of ['pluck', 'raw', 'expand', 'columns'] as const) assert.throws(() => insert[call](), TypeError);
    assert.throws(() => statement.pluck('yes' as unknown as boolean), TypeError);
  });

  test('bind binds permanently, and shows in toString', () => {
    const db = bench.memory();
    const statement = db.prepare('SELECT ? AS v');
    assert.equal(statement.bind(3), statement);
    assert.deepEqual(statement.get(), { v: 3 });
    assert.equal(textOf(statement), 'SELECT 3.0 AS v');
    assert.throws(() => statement.get(4), TypeError);
    assert.throws(() => statement.bind(4), TypeError);
  });

  test('defaultSafeIntegers', () => {
    const db = bench.memory();
    const before = db.prepare('SELECT 1 AS v');
    assert.equal(db.defaultSafeIntegers(), db);
    assert.deepEqual(db.prepare('SELECT 1 AS v').get(), { v: 1n });
    assert.deepEqual(before.get(), { v: 1 });
    assert.equal(db.prepare('INSERT INTO t (a) VALUES (1)').run().lastInsertRowid, 1n);
    db.defaultSafeIntegers(false);
    assert.deepEqual(db.prepare('SELECT 1 AS v').get(), { v: 1 });
    assert.throws(() => db.defaultSafeIntegers('yes' as unknown as boolean), TypeError);
  });

  test('prepare refuses what is not one statement', () => {
    const db = bench.memory();
    assert.throws(() => db.prepare(5 as unknown as string), TypeError);
    assert.throws(() => db.prepare(''), RangeError);
    assert.throws(() => db.prepare('-- nothing'), RangeError);
    assert.throws(() => db.prepare('SELECT 1; SELECT 2'), RangeError);
    assert.equal(db.prepare('SELECT 1; -- end').pluck().get(), 1);
    assert.equal(thrownBy(() => db.prepare('SELEKT 1')).code, 'SQLITE_ERROR');
  });

  test('exec runs every statement, and stops at the first that fails', () => {
    const db = bench.open();
    assert.equal(db.exec('INSERT INTO t (a) VALUES (1); INSERT INTO t (a) VALUES (2)'), db);
    const error = thrownBy(() => db.exec('INSERT INTO t (a) VALUES (3); INSERT INTO nope VALUES (1); DELETE FROM t'));
    assert.equal(error.code, 'SQLITE_ERROR');
    assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), [1, 2, 3]);
    assert.throws(() => db.exec(null as unknown as string), TypeError);
    assert.equal(db.exec(''), db);
  });

  test('an open iterator blocks writes until it is left', () => {
    const db = bench.open();
    db.exec('INSERT INTO t (a) VALUES (1), (2), (3)');
    const select = db.prepare('SELECT a FROM t');
    const rows = select.iterate();
    assert.deepEqual(rows.next(), { value: { a: 1 }, done: false });
    assert.equal(select.busy, true);
    assert.throws(() => db.exec('DELETE FROM t'), TypeError);
    assert.throws(() => db.prepare('DELETE FROM t').run(), TypeError);
    assert.throws(() => db.close(), TypeError);
    assert.throws(() => select.get(), TypeError);
    assert.throws(() => db.pragma('user_version'), TypeError);
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 3);
    assert.equal(db.open, true);
    assert.deepEqual(rows.return?.(), { value: undefined, done: true });
    assert.equal(select.busy, false);
    assert.deepEqual(rows.next(), { value: undefined, done: true });
    for (const row of select.iterate()) if (row !== undefined) break;
    db.exec('DELETE FROM t');
    const left = select.iterate();
    assert.equal((left as unknown as { statement: unknown }).statement, select);
    left.return?.();
  });

  test('unsafeMode lets statements write while an iterator is open', () => {
    const db = bench.open();
    db.exec('INSERT INTO t (a) VALUES (1), (2)');
    assert.equal(db.unsafeMode(), db);
    for (const row of db.prepare('SELECT id FROM t').iterate() as Iterable<{ id: number }>) {
      db.prepare('UPDATE t SET b = ? WHERE id = ?').run('seen', row.id);
    }
    db.unsafeMode(false);
    assert.deepEqual(db.prepare('SELECT b FROM t').pluck().all(), ['seen', 'seen']);
    assert.throws(() => db.unsafeMode(1 as unknown as boolean), TypeError);
  });

  test('a closed database refuses everything with a TypeError, and close is repeatable', () => {
    const db = bench.open();
    const select = db.prepare('SELECT a FROM t');
    const run = db.transaction(() => 1);
    assert.equal(db.close(), db);
    assert.equal(db.close(), db);
    assert.equal(db.open, false);
    assert.equal(db.inTransaction, false);
    for (const call of [
      () => select.get(),
      () => select.all(),
      () => select.run(),
      () => select.iterate(),
      () => select.columns(),
      () => db.prepare('SELECT 1'),
      () => db.exec('SELECT 1'),
      () => db.pragma('user_version'),
      () => db.serialize(),
      () => db.function('f', () => 1),
      () => db.aggregate('g', { step: () => 1 }),
      () => db.table('v', { columns: ['a'], *rows() {} }),
      () => db.loadExtension('x'),
      () => db.unsafeMode(),
      () => run(),
    ]) {
      const error = thrownBy(call);
      assert.ok(error instanceof TypeError, String(error));
      assert.match(error.message, /^The database connection is not open/);
    }
    assert.equal(textOf(select), 'SELECT a FROM t');
  });

  difference('unsafeMode keeps DEFENSIVE on', bench, {
    theirs() {
      const db = bench.memory();
      db.exec('CREATE VIRTUAL TABLE f USING fts5(x)');
      db.unsafeMode();
      db.exec('DELETE FROM f_data');
    },
    ours() {
      const db = bench.memory();
      db.exec('CREATE VIRTUAL TABLE f USING fts5(x)');
      db.unsafeMode();
      assert.throws(() => db.exec('DELETE FROM f_data'), { message: 'table f_data may not be modified' });
    },
  });

  difference('The properties of a statement can be assigned', bench, {
    theirs() {
      assert.throws(() => Object.assign(bench.memory().prepare('SELECT 1'), { source: 'SELECT 2' }), TypeError);
    },
    ours() {
      const statement = Object.assign(bench.memory().prepare('SELECT 1 AS v'), { source: 'SELECT 2 AS v' });
      assert.deepEqual(statement.get(), { v: 1 }, 'what runs is what was prepared');
    },
  });

  difference('Errors say what to do', bench, {
    theirs() {
      const db = bench.open();
      const error = thrownBy(() => db.prepare('INSERT INTO t (id) VALUES (1), (1)').run());
      assert.deepEqual(Object.keys(error), ['code']);
    },
    ours() {
      const db = bench.open();
      const error = thrownBy(() => db.prepare('INSERT INTO t (id, a) VALUES (1, ?), (1, ?)').run('secret', 'secret'));
      assert.ok(error instanceof bench.Database.SqliteError);
      assert.equal(error.constructor.name, 'SqliteUniqueError');
      assert.equal(error.name, 'SqliteError');
      assert.equal(error.code, 'SQLITE_CONSTRAINT_PRIMARYKEY');
      assert.equal(error.message, 'UNIQUE constraint failed: t.id');
      assert.equal(Reflect.get(error, 'primaryCode'), 'SQLITE_CONSTRAINT');
      assert.match(String(Reflect.get(error, 'hint')), /409/);
      assert.ok((error.cause as Error) instanceof bench.Database.SqliteError);
      assert.doesNotMatch(inspect(error), /secret/);
    },
  });
});
