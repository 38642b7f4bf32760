// Members of a batch stand alone, whatever one of them, its errors or a `verbose` listener do.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import Native from 'better-sqlite3';
import type { Database } from 'safe-sqlite';
import { createBench, inserter, outcomes, type Bench } from './fixture.mts';

/** Errors as an application can make them: each breaks code that reads, writes or classifies it carelessly. */
const hostile: Readonly<Record<string, (error: object) => unknown>> = {
  plain: error => error,
  frozen: error => Object.freeze(error),
  'with another code': error => Object.assign(error, { code: 'SQLITE_IOERR' }),
  'a proxy that throws': error =>
    new Proxy(error, {
      get: () => assert.fail('get'),
      getPrototypeOf: () => assert.fail('getPrototypeOf'),
      has: () => assert.fail('has'),
      defineProperty: () => assert.fail('defineProperty'),
    }),
  'a getter that throws': () => Object.defineProperty({}, 'code', { get: () => assert.fail('code') }),
  'without a prototype': () => Object.create(Object.create(null)),
  undefined: () => undefined,
};

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}

const controls = ['BEGIN', 'SAVEPOINT', 'ROLLBACK', 'RELEASE', 'COMMIT'] as const;

/** A bench whose `verbose` throws at the texts that begin with `word`. */
function talkative(word: string): { bench: Bench; boom: Error; seen: string[]; arm: (on: boolean) => void } {
  const boom = new Error(`verbose at ${word}`);
  const seen: string[] = [];
  let armed = false;
  const verbose = (sql?: unknown): void => {
    seen.push(String(sql));
    if (armed && String(sql).startsWith(word)) throw boom;
  };
  return { bench: createBench({ verbose }), boom, seen, arm: on => (armed = on) };
}

test('the hazard: in better-sqlite3 a verbose listener that throws at ROLLBACK leaves the transaction open', () => {
  let armed = false;
  const raw = new Native(':memory:', {
    verbose: sql => {
      if (armed && String(sql).startsWith('ROLLBACK')) throw new Error('verbose');
    },
  });
  raw.exec('CREATE TABLE t (x)');
  armed = true;
  const fails = raw.transaction(() => {
    raw.exec("INSERT INTO t VALUES ('rejected')");
    throw new Error('mine');
  });
  assert.throws(fails, { message: 'verbose' });
  assert.equal(raw.inTransaction, true);
  raw.exec('COMMIT');
  assert.equal(raw.prepare('SELECT count(*) FROM t').pluck().get(), 1);
  raw.close();
});

for (const word of controls) {
  test(`a verbose listener that throws at ${word} cannot keep a batch open, nor a rejected row`, async () => {
    const { bench: owned, arm } = talkative(word);
    using bench = owned;
    const { db } = bench;
    const insert = inserter(db);
    const mine = new Error('mine');
    const rejected = (): void => {
      insert('rejected');
      throw mine;
    };
    arm(true);
    const alone = await outcomes([db.write(rejected)]);
    assert.deepEqual(alone, [mine]);
    const batch = await outcomes([db.write(() => insert('a')), db.write(rejected), db.write(() => insert('b'))]);
    assert.deepEqual(batch, ['a', mine, 'b']);
    arm(false);
    assert.equal(db.inTransaction, false);
    assert.equal(await db.write(() => insert('c')), 'c');
    assert.deepEqual(bench.rows(), ['a', 'b', 'c']);
  });

  test(`db.transaction() leaves nothing open or half undone when verbose throws at ${word}`, async () => {
    const { bench: owned, arm, boom } = talkative(word);
    using bench = owned;
    const { db } = bench;
    const insert = inserter(db);
    const fails = db.transaction(() => {
      insert('rejected');
      throw new Error('mine');
    });
    arm(true);
    assert.ok(thrown(fails) instanceof Error);
    assert.equal(db.inTransaction, false);
    // Inside of a write, whose function catches what the nested one throws.
    const [caught] = await outcomes([db.write(() => [thrown(fails), insert('kept')])]);
    arm(false);
    const nestedWords = ['SAVEPOINT', 'ROLLBACK', 'RELEASE'];
    assert.equal((caught as unknown[])[0] === boom, nestedWords.includes(word));
    assert.deepEqual(bench.rows(), ['kept']);
    assert.equal(db.inTransaction, false);
  });
}

test('verbose sees the statements of the functions of db.write, and none of its transaction', async () => {
  const { bench: owned, seen } = talkative('nothing');
  using bench = owned;
  const insert = inserter(bench.db);
  seen.length = 0;
  await outcomes([1, 2].map(value => bench.db.write(() => insert(value))));
  await outcomes([bench.db.write(() => assert.fail('mine'))]);
  assert.deepEqual(seen, ['INSERT INTO t (x) VALUES (1.0)', 'INSERT INTO t (x) VALUES (2.0)']);
});

describe('an error of the application', () => {
  for (const [name, make] of Object.entries(hostile)) {
    test(`that is ${name} is what its own promise rejects with, and no other promise does`, async () => {
      using bench = createBench();
      const { db } = bench;
      const insert = inserter(db);
      db.exec("CREATE TABLE once (x PRIMARY KEY ON CONFLICT ROLLBACK); INSERT INTO once VALUES ('x')");
      const errors: unknown[] = [];
      const throwing = (error: object): never => {
        const value = make(error);
        errors.push(value);
        throw value;
      };
      db.function('fails', () => throwing(new Error('mine')));
      const results = await Promise.allSettled([
        db.write(() => insert('a')),
        db.write(() => throwing(new Error('mine'))),
        db.write(() => db.exec('SELECT fails()')),
        db.write(() => insert('b')),
        db.write(() => throwing(thrown(() => db.exec("INSERT INTO once VALUES ('x')")) as object)),
        db.write(() => insert('c')),
      ]);
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'rejected', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
      );
      for (const result of results) {
        if (result.status === 'rejected') assert.ok(errors.some(error => Object.is(error, result.reason)));
      }
      assert.deepEqual(bench.rows(), ['a', 'b', 'c']);
      assert.equal(db.inTransaction, false);
    });
  }
});

describe('PRAGMA defer_foreign_keys', () => {
  const schema = `
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent NOT NULL REFERENCES parent (id));
  `;

  test('the hazard: a savepoint does not set it back', () => {
    const raw = new Native(':memory:');
    raw.pragma('foreign_keys = ON');
    raw.exec(schema);
    raw.exec('BEGIN; SAVEPOINT one; PRAGMA defer_foreign_keys = ON; ROLLBACK TO one; RELEASE one');
    raw.exec('INSERT INTO child VALUES (1, 7)');
    assert.throws(() => raw.exec('COMMIT'), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' });
    raw.close();
  });

  const ways: Readonly<Record<string, (db: Database) => () => unknown>> = {
    'db.pragma': db => () => db.pragma('defer_foreign_keys = ON'),
    'db.exec': db => () => db.exec('SELECT 1; PRAGMA "defer_foreign_keys"(1)'),
    'db.prepare inside': db => () => db.prepare('PRAGMA main.defer_foreign_keys = yes').run(),
    'a statement prepared before': db => {
      const statement = db.prepare('PRAGMA defer_foreign_keys = ON');
      statement.run();
      return () => statement.run();
    },
    'EXPLAIN, under which it acts': db => () => db.explain('PRAGMA defer_foreign_keys = ON'),
  };
  for (const [way, make] of Object.entries(ways)) {
    for (const end of ['returns', 'throws'] as const) {
      test(`set by ${way} in a write that ${end} is not seen by the next`, async () => {
        using bench = createBench();
        const { db } = bench;
        db.pragma('foreign_keys = ON');
        db.exec(schema);
        const set = make(db);
        const orphan = db.prepare('INSERT INTO child (parent) VALUES (?)');
        const deferred = db.prepare('SELECT * FROM pragma_defer_foreign_keys').pluck();
        const mine = new Error('mine');
        const [, first, next, last] = await outcomes([
          db.write(() => 'before'),
          db.write(() => {
            set();
            assert.equal(deferred.get(), 1);
            if (end === 'throws') throw mine;
            return 'set';
          }),
          db.write(() => [deferred.get(), (thrown(() => orphan.run(7)) as { code: string }).code]),
          db.write(() => 'after'),
        ]);
        assert.equal(first, end === 'throws' ? mine : 'set');
        assert.deepEqual(next, [0, 'SQLITE_CONSTRAINT_FOREIGNKEY']);
        assert.equal(last, 'after');
        assert.equal(db.prepare('SELECT count(*) FROM child').pluck().get(), 0);
      });
    }
  }
});

function copyElsewhere(from: string, to: string): void {
  if (process.platform !== 'win32') return void execFileSync('cp', [from, to]);
  execFileSync(process.execPath, ['-e', 'fs.copyFileSync(process.argv[1], process.argv[2])', from, to]);
}

/**
 * What a process finds that starts after a SIGKILL of this one: the files as they are, without the -shm. Another process
 * copies them, because a descriptor of this one would cancel the locks of SQLite.
 */
function storedAfterKill(file: string): unknown[] {
  const copy = `${file}.killed`;
  // By another program: in this one the process guard refuses it.
  for (const suffix of ['', '-wal']) copyElsewhere(file + suffix, copy + suffix);
  const db = new Native(copy);
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return db.prepare('SELECT x FROM t ORDER BY id').pluck().all();
  } finally {
    db.close();
  }
}

test('whatever mixture of members: what resolved is stored, what rejected is not, and no transaction is open', async () => {
  const member = fc.record({
    deed: fc.constantFrom('put', 'throw', 'lose', 'lose and catch', 'defer', 'iterate', 'nest', 'savepoint', 'promise'),
    error: fc.constantFrom(...Object.keys(hostile)),
    fails: fc.boolean(),
  });
  const plan = fc.record({
    members: fc.array(member, { minLength: 1, maxLength: 8 }),
    verboseThrowsAt: fc.constantFrom('nothing', ...controls),
    unsafe: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ members, verboseThrowsAt, unsafe }) => {
      const { bench: owned, arm } = talkative(verboseThrowsAt);
      using bench = owned;
      const { db } = bench;
      db.pragma('foreign_keys = ON');
      db.unsafeMode(unsafe);
      db.exec(`CREATE TABLE once (x PRIMARY KEY ON CONFLICT ROLLBACK); INSERT INTO once VALUES ('x');
        CREATE TABLE child (x REFERENCES t (x))`);
      const insert = inserter(db);
      const lose = db.prepare("INSERT INTO once VALUES ('x')");
      arm(true);
      const promises = members.map(({ deed, error, fails }, key) =>
        db.write(() => {
          insert(key);
          if (deed === 'lose') throw hostile[error]?.(thrown(() => lose.run()) as object);
          if (deed === 'lose and catch') thrown(() => lose.run());
          if (deed === 'defer') db.exec('PRAGMA defer_foreign_keys = ON; INSERT INTO child VALUES (99)');
          if (deed === 'iterate')
            db.prepare('INSERT INTO t (x) VALUES (?) RETURNING x').iterate(`${key} iterated`).next();
          if (deed === 'savepoint') db.exec('SAVEPOINT mine');
          if (deed === 'promise') return Promise.resolve();
          if (deed === 'nest') {
            const nested = db.transaction(() => {
              insert(`${key} nested`);
              throw new Error('nested');
            });
            thrown(nested);
          }
          if (fails || deed === 'throw') throw hostile[error]?.(new Error('mine'));
          return key;
        }),
      );
      const results = await Promise.allSettled(promises);
      arm(false);
      assert.equal(db.inTransaction, false);
      const resolved = results.flatMap((result, key) => (result.status === 'fulfilled' ? [key] : []));
      const stored = bench.rows();
      assert.deepEqual(stored, resolved);
      assert.deepEqual(storedAfterKill(bench.file), resolved);
      for (const [key, { deed, fails }] of members.entries()) {
        // `verbose` sees the SAVEPOINT of the function itself, which then fails by it.
        const fine = ['put', 'nest', ...(verboseThrowsAt === 'SAVEPOINT' ? [] : ['savepoint'])];
        assert.equal(resolved.includes(key), fine.includes(deed) && !fails, `${key}: ${deed}`);
      }
      assert.equal(await db.write(() => insert('next')), 'next');
    }),
    { numRuns: process.env['LONG_TESTS'] === '1' ? 2000 : 60 },
  );
});
