import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { createRequire } from 'node:module';
import { difference, suite, thrownBy } from './subjects.mts';

const require = createRequire(import.meta.url);

suite('functions, aggregates, virtual tables and extensions', bench => {
  test('user functions, with every option', () => {
    const db = bench.memory();
    assert.equal(
      db.function('add2', (a: number, b: number) => a + b),
      db,
    );
    assert.equal(db.prepare('SELECT add2(1, 2)').pluck().get(), 3);
    db.function('sum_all', { varargs: true, deterministic: true }, (...all: number[]) =>
      all.reduce((x, y) => x + y, 0),
    );
    assert.equal(db.prepare('SELECT sum_all(1, 2, 3)').pluck().get(), 6);
    db.function('kind', { safeIntegers: true }, (value: unknown) => typeof value);
    assert.equal(db.prepare('SELECT kind(1)').pluck().get(), 'bigint');
    db.function('direct', { directOnly: true }, () => 1);
    assert.equal(db.prepare('SELECT direct()').pluck().get(), 1);
    assert.throws(() => db.function('', () => 1), TypeError);
    assert.throws(() => db.function('f', 5 as never), TypeError);
    assert.throws(() => db.function(5 as never, () => 1), TypeError);
    assert.throws(() => db.function('f', { varargs: 1 as never }, () => 1), TypeError);
  });

  test('the error of a user function arrives as it was thrown', () => {
    const db = bench.memory();
    const mine = new RangeError('mine');
    db.function('fail', () => {
      throw mine;
    });
    const statement = db.prepare('SELECT fail()');
    assert.equal(
      thrownBy(() => statement.get()),
      mine,
    );
    assert.equal(
      thrownBy(() => statement.all()),
      mine,
    );
    assert.equal(
      thrownBy(() => [...statement.iterate()]),
      mine,
    );
    assert.equal(
      thrownBy(() => db.exec('SELECT fail()')),
      mine,
    );
    assert.equal(db.prepare('SELECT 1').pluck().get(), 1);
    db.function('odd', () => ({}));
    assert.throws(() => db.prepare('SELECT odd()').get(), TypeError);
  });

  test('the database cannot be used inside of its own function', () => {
    const db = bench.open();
    const select = db.prepare('SELECT 1');
    const calls = [
      () => db.exec('DELETE FROM t'),
      () => db.prepare('SELECT 1'),
      () => select.get(),
      () => db.pragma('user_version'),
      () => db.close(),
      () => db.serialize(),
      () => db.function('g', () => 1),
      () => db.transaction(() => 1)(),
    ];
    let seen = 0;
    db.function('inside', () => {
      for (const call of calls) {
        assert.ok(thrownBy(call) instanceof TypeError, String(call));
        seen += 1;
      }
      return seen;
    });
    assert.equal(db.prepare('SELECT inside()').pluck().get(), calls.length);
    assert.equal(db.open, true);
    db.exec('INSERT INTO t (a) VALUES (1)');
  });

  test('aggregates and window functions', () => {
    const db = bench.memory();
    db.exec('INSERT INTO t (a) VALUES (1), (2), (3)');
    const definition = {
      start: () => 0,
      step: (total: number, next: number) => total + next,
      inverse: (total: number, dropped: number) => total - dropped,
      result: (total: number) => total * 10,
    };
    assert.equal(db.aggregate('tens', definition as never), db);
    assert.equal(db.prepare('SELECT tens(a) FROM t').pluck().get(), 60);
    const window = 'SELECT tens(a) OVER (ORDER BY a ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) FROM t';
    assert.deepEqual(db.prepare(window).pluck().all(), [30, 50, 30]);
    assert.throws(() => db.aggregate('x', {} as never), TypeError);
  });

  test('virtual tables', () => {
    const db = bench.memory();
    const table = {
      columns: ['value'],
      parameters: ['start', 'stop'],
      *rows(start: number, stop: number) {
        for (let value = start; value <= stop; value += 1) yield [value];
      },
    };
    assert.equal(db.table('series', table as never), db);
    assert.deepEqual(db.prepare('SELECT value FROM series(2, 4)').pluck().all(), [2, 3, 4]);
    db.table('made', ((column: string) => ({
      columns: [column],
      *rows() {
        yield { [column]: 1 };
      },
    })) as never);
    db.exec('CREATE VIRTUAL TABLE one USING made(x)');
    assert.deepEqual(db.prepare('SELECT * FROM one').all(), [{ x: 1 }]);
    assert.throws(() => db.table('bad', { columns: [] } as never), TypeError);
  });

  test('functions may stand in views, triggers, indexes and generated columns', () => {
    const db = bench.open();
    db.function('twice', { deterministic: true }, (x: number) => x * 2);
    db.exec(`CREATE VIEW doubled AS SELECT twice(a) AS v FROM t;
      CREATE INDEX by_twice ON t (twice(a));
      CREATE TABLE log (v);
      CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (twice(new.a)); END;
      INSERT INTO t (a) VALUES (4)`);
    assert.deepEqual(db.prepare('SELECT v FROM doubled').pluck().all(), [8]);
    assert.deepEqual(db.prepare('SELECT v FROM log').pluck().all(), [8]);
  });

  test('loadable extensions', context => {
    const source = join(dirname(dirname(require.resolve('better-sqlite3'))), 'deps', 'test_extension.c');
    const library = bench.path('extension.so');
    const headers = headerFolder();
    if (headers === null || !existsSync(source)) return context.skip('no sqlite3ext.h to build an extension with');
    const built = spawnSync('cc', ['-shared', '-fPIC', '-I', headers, '-o', library, source]);
    if (built.status !== 0) return context.skip(`no C compiler to build an extension with: ${String(built.stderr)}`);
    const db = bench.memory();
    assert.equal(db.loadExtension(library), db);
    assert.equal(db.prepare('SELECT testExtensionFunction(NULL, 123, 99, 2)').pluck().get(), 4);
    assert.equal(thrownBy(() => db.loadExtension('/nowhere/at/all')).code, 'SQLITE_ERROR');
    assert.throws(() => db.loadExtension(5 as never), TypeError);
    return undefined;
  });

  difference('trusted_schema is off until the application registers something', bench, {
    theirs() {
      assert.equal(bench.memory().pragma('trusted_schema', { simple: true }), 1);
    },
    ours() {
      const db = bench.memory();
      assert.equal(db.pragma('trusted_schema', { simple: true }), 0);
      db.function('only_direct', { directOnly: true }, () => 1);
      assert.equal(db.pragma('trusted_schema', { simple: true }), 0);
      db.function('anywhere', () => 1);
      assert.equal(db.pragma('trusted_schema', { simple: true }), 1);
    },
  });
});

/** better-sqlite3 carries SQLite's headers with its source; where it does not, the system may. */
function headerFolder(): string | null {
  const folders = [join(dirname(dirname(require.resolve('better-sqlite3'))), 'deps', 'sqlite3'), '/usr/include'];
  return folders.find(folder => existsSync(join(folder, 'sqlite3ext.h'))) ?? null;
}
