/** The stack of an error begins at the line that called, and what the application throws comes out as the very object. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, openDatabase, SqliteResultError } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-callers-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

type Db = InstanceType<typeof Database>;

function fresh(): Db {
  const db = new Database(join(folder, `${(count += 1)}.db`), { logger: false, timeout: 0 });
  db.exec('CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)');
  return db;
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

function firstFrame(error: unknown): string {
  return ((error as Error).stack ?? '').split('\n').find(line => line.startsWith('    at ')) ?? '';
}

const untyped = (value: unknown): never => value as never;

/** Calls that fail, by what makes the error: SQLite, better-sqlite3's checks, this library. */
const failing: Readonly<Record<string, (db: Db) => unknown>> = {
  'run, a constraint': db => db.prepare('INSERT INTO t VALUES (?)').run(1),
  'get, a constraint': db => db.prepare('INSERT INTO t VALUES (?) RETURNING a').get(1),
  'all, a constraint': db => db.prepare('INSERT INTO t VALUES (?) RETURNING a').all(1),
  'iterate, malformed JSON': db => [...db.prepare("SELECT json('{')").iterate()],
  'exec, a constraint': db => db.exec('SELECT 1; INSERT INTO t VALUES (1)'),
  'exec of a guarded text': db => db.exec("PRAGMA user_version = 1; INSERT INTO t VALUES (1); ATTACH 'x' AS y"),
  'prepare, a syntax error': db => db.prepare('SELEC'),
  'prepare of nothing': db => db.prepare(''),
  'prepare of a number': db => db.prepare(untyped(5)),
  'pragma, a syntax error': db => db.pragma('a b c'),
  'explain, a syntax error': db => db.explain('a b c'),
  'too many values': db => db.prepare('INSERT INTO t VALUES (?)').run(1, 2),
  'no rows': db => db.prepare('INSERT INTO t VALUES (?)').get(2),
  'pluck without rows': db => db.prepare('INSERT INTO t VALUES (2)').pluck(),
  'bind, too many': db => db.prepare('INSERT INTO t VALUES (?)').bind(1, 2),
  'transaction of no function': db => db.transaction(untyped(5)),
  'COMMIT of no transaction': db => db.exec('COMMIT'),
  'a promise': db => db.transaction(async () => {})(),
  'function without a name': db => db.function(untyped(5), () => 1),
  'aggregate without a step': db => db.aggregate('f', untyped({})),
  'attach without a name': db => db.attach('x.db', untyped('')),
  'detach of nothing': db => db.detach('no'),
  'loadExtension of nothing': db => db.loadExtension('/no/such/library'),
  'unsafeMode of a number': db => db.unsafeMode(untyped(5)),
  'write of no function': db => db.write(untyped(5)),
  'a guarded pragma': db => db.pragma('writable_schema = ON'),
  'a guarded prepared text': db => db.prepare('PRAGMA writable_schema = ON'),
  'an option of another type': () => new Database('x.db', { readonly: untyped(5) }),
  'no such folder': () => new Database(join(folder, 'no', 'such', 'x.db')),
  'openDatabase, no such file': () => openDatabase(join(folder, 'none.db'), { fileMustExist: true }),
  'a closed handle': db => {
    db.close();
    db.prepare('SELECT 1');
  },
  'a statement of a closed handle': db => {
    const select = db.prepare('SELECT 1');
    db.close();
    select.get();
  },
};

describe('the stack begins at the line of the caller', () => {
  for (const [name, run] of Object.entries(failing)) {
    test(name, async () => {
      const db = fresh();
      let error: unknown;
      try {
        await run(db);
      } catch (failure) {
        error = failure;
      }
      assert.ok(error instanceof Error);
      assert.ok(firstFrame(error).includes(import.meta.url), error.stack);
      const { cause } = error as { cause?: Error };
      if (cause !== undefined) assert.ok(firstFrame(cause).includes(import.meta.url), cause.stack);
      db.close();
    });
  }

  test('with as many frames of the application as were asked for', () => {
    const db = fresh();
    const deep = (levels: number): unknown =>
      levels === 0 ? db.prepare('INSERT INTO t VALUES (1)').run() : deep(levels - 1);
    const refused = (levels: number): unknown =>
      levels === 0 ? db.pragma('writable_schema = ON') : refused(levels - 1);
    for (const run of [deep, refused]) {
      const stack = (thrown(() => run(30)) as Error).stack ?? '';
      assert.equal(stack.match(/^ {4}at /gm)?.length, Error.stackTraceLimit);
      assert.equal(stack.match(/callers-line/g)?.length, Error.stackTraceLimit);
    }
    db.close();
  });

  test('a program without stacks, or with its own form of them, gets what it asked for', () => {
    const db = fresh();
    const { stackTraceLimit } = Error;
    const prepare = Reflect.get(Error, 'prepareStackTrace') as unknown;
    try {
      Error.stackTraceLimit = 0;
      assert.equal(firstFrame(thrown(() => db.exec('SELEC'))), '');
      Error.stackTraceLimit = stackTraceLimit;
      Reflect.set(Error, 'prepareStackTrace', () => ['mine']);
      assert.deepEqual((thrown(() => db.pragma('writable_schema = ON')) as Error).stack, ['mine']);
      assert.deepEqual((thrown(() => db.prepare('INSERT INTO t VALUES (1)').run()) as Error).stack, ['mine']);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
      Reflect.set(Error, 'prepareStackTrace', prepare);
    }
    db.close();
  });
});

/** What an application throws, also what looks like an error of SQLite. */
const things: Readonly<Record<string, () => unknown>> = {
  'an error': () => new RangeError('mine'),
  'a TypeError': () => new TypeError('mine'),
  'a frozen error': () => Object.freeze(new Error('mine')),
  text: () => 'mine',
  null: () => null,
  undefined: () => undefined,
  'an error of another raw connection': () => {
    const other = new Native(':memory:');
    other.exec('CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)');
    return thrown(() => other.prepare('INSERT INTO t VALUES (1)').run());
  },
  'the same by exec': () => thrown(() => new Native(':memory:').exec('SELEC')),
  'a SqliteError of its own, of the disk': () => new Native.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'),
  'an error of another database of this library': () => thrown(() => fresh().exec('INSERT INTO t VALUES (1)')),
};

/** The places in which SQL, or this library, calls the application. */
const places: Readonly<Record<string, (db: Db, raise: () => never) => unknown>> = {
  function: (db, raise) => {
    db.function('f', raise);
    return db.prepare('SELECT f()').get();
  },
  'function in a write': (db, raise) => {
    db.function('f', raise);
    return db.prepare('INSERT INTO t SELECT f()').run();
  },
  'function in exec': (db, raise) => {
    db.function('f', raise);
    return db.exec('SELECT f()');
  },
  'function in an iterator': (db, raise) => {
    db.function('f', raise);
    return [...db.prepare('SELECT f()').iterate()];
  },
  'step of an aggregate': (db, raise) => {
    db.aggregate('g', { start: 0, step: (_total, _value) => raise() });
    return db.prepare('SELECT g(a) FROM t').all();
  },
  'result of an aggregate': (db, raise) => {
    db.aggregate('g', { start: 0, step: (_total, _value) => 1, result: raise });
    return db.prepare('SELECT g(a) FROM t').all();
  },
  'virtual table': (db, raise) => {
    db.table('v', {
      columns: ['a'],
      // oxlint-disable-next-line require-yield -- it fails before its first row
      *rows() {
        raise();
      },
    });
    return db.prepare('SELECT * FROM v').all();
  },
  transaction: (db, raise) => db.transaction(raise)(),
  'nested transaction': (db, raise) => db.transaction(() => db.transaction(raise)())(),
  'write queue': (db, raise) => db.write(raise),
  withSnapshot: async (db, raise) => {
    try {
      await db.withSnapshot(raise, { directory: folder });
    } catch (error) {
      // The rejection is about the snapshot, and says why by its cause.
      throw (error as Error).cause;
    }
  },
};

describe('what the application throws is the very object', () => {
  for (const [place, call] of Object.entries(places)) {
    for (const [name, make] of Object.entries(things)) {
      // A missing cause cannot be told from an undefined one.
      if (place === 'withSnapshot' && ['text', 'null', 'undefined'].includes(name)) continue;
      test(`${name} in a ${place}`, async () => {
        const db = fresh();
        const thing = make();
        const stack = thing instanceof Error ? thing.stack : undefined;
        let came: unknown = 'nothing';
        try {
          await call(db, () => {
            throw thing;
          });
        } catch (error) {
          came = error;
        }
        assert.ok(Object.is(came, thing), String(came));
        if (thing instanceof Error) assert.equal(thing.stack, stack);
        // It is no fault of this database.
        const { status, faults, fullAgeMs } = db.health();
        assert.equal(fullAgeMs, null);
        assert.equal(faults['SqliteFsyncError'], 0);
        assert.notEqual(status, 'fenced');
        db.exec('INSERT INTO t VALUES (99)');
        db.close();
      });
    }
  }

  test('verbose', () => {
    const thing = new Native.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
    let armed = false;
    const db = new Database(join(folder, `${(count += 1)}.db`), {
      logger: false,
      verbose: () => {
        if (armed) throw thing;
      },
    });
    db.exec('CREATE TABLE t (a)');
    armed = true;
    for (const run of [() => db.exec('SELECT 1'), () => db.prepare('SELECT 1').get(), () => db.transaction(() => 1)()])
      assert.ok(Object.is(thrown(run), thing));
    armed = false;
    assert.equal(db.health().faults['SqliteFsyncError'], 0);
    db.close();
  });

  const thrownByProgress: Readonly<Record<string, unknown>> = {
    'a failure of SQLite': new Native.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'),
    undefined: undefined,
    null: null,
  };
  for (const [name, thing] of Object.entries(thrownByProgress)) {
    test(`progress of a backup: ${name}`, async () => {
      const db = fresh();
      const rejected = await db
        .backup(join(folder, 'progress.db'), {
          progress: () => {
            throw thing;
          },
        })
        .then(
          () => 'nothing',
          (error: unknown) => error,
        );
      assert.ok(Object.is(rejected, thing), String(rejected));
      db.close();
    });
  }

  test('and a real failure beside it is translated, as ever', () => {
    const db = fresh();
    db.function('f', () => 1);
    const error = thrown(() => db.prepare('INSERT INTO t SELECT f()').run());
    assert.ok(error instanceof SqliteResultError);
    assert.equal(error.code, 'SQLITE_CONSTRAINT_UNIQUE');
    assert.ok(error.cause instanceof Native.SqliteError);
    db.close();
  });
});
