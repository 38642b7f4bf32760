/** `unsafeMode` lets statements write beside an open iterator, and takes nothing away that DEFENSIVE protects. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { openDatabase, type Database } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-unsafe-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

const schema = `CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES ('hello');
  CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')`;

/** Every statement that DEFENSIVE refuses, and no rule of the guard. */
const shadowed: Readonly<Record<string, string>> = {
  delete: 'DELETE FROM f_data',
  update: 'UPDATE f_content SET c0 = 1',
  insert: 'INSERT INTO f_config VALUES (1, 2)',
  drop: 'DROP TABLE f_data',
  alter: 'ALTER TABLE f_data RENAME TO g',
  trigger: 'CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM f_data; END; INSERT INTO t VALUES (9, 9)',
};

const ways: Readonly<Record<string, (db: Database, sql: string) => unknown>> = {
  exec: (db, sql) => db.exec(sql),
  'exec behind another statement': (db, sql) => db.exec(`SELECT 1; ${sql}`),
  run: (db, sql) => {
    for (const text of sql.split(/(?<=END); /)) db.prepare(text).run();
  },
  transaction: (db, sql) => db.transaction(() => db.exec(sql))(),
};

function failure(run: () => unknown): { message: string } | null {
  try {
    run();
    return null;
  } catch (error) {
    return error as Error;
  }
}

function two(): { one: Database; other: Database } {
  const file = join(folder, `${(count += 1)}.db`);
  const [one, other] = [openDatabase(file, { logger: false }), openDatabase(file, { logger: false })];
  one.exec(schema);
  return { one, other };
}

test('raw: unsafeMode ends DEFENSIVE, and one statement destroys an index', () => {
  const db = new Native(':memory:');
  db.exec(schema);
  assert.throws(() => db.exec('DELETE FROM f_data'), /may not be modified/);
  db.unsafeMode();
  db.exec('DELETE FROM f_data');
  assert.throws(() => db.prepare("SELECT * FROM f WHERE f MATCH 'hello'").all(), { code: /^SQLITE_CORRUPT/ });
  db.close();
});

describe('with unsafeMode shadow tables stay protected', () => {
  for (const [what, sql] of Object.entries(shadowed)) {
    for (const [name, way] of Object.entries(ways)) {
      test(`${what} by ${name}, through both handles, with and without an open iterator`, () => {
        const { one, other } = two();
        one.unsafeMode();
        for (const iterates of [false, true]) {
          for (const db of [one, other]) {
            const rows = iterates ? one.prepare('SELECT id FROM t').iterate() : null;
            rows?.next();
            const refused = failure(() => way(db, sql));
            assert.match(refused?.message ?? 'it ran', /may not|cannot/, `${name}: ${sql}`);
            rows?.return?.();
          }
        }
        assert.deepEqual(other.prepare("SELECT * FROM f WHERE f MATCH 'hello'").pluck().all(), ['hello']);
        one.close();
        other.close();
      });
    }
  }

  test('a statement that was compiled when the table was an ordinary one', () => {
    const { one, other } = two();
    one.exec('CREATE TABLE g_data (id, block)');
    const old = one.prepare('DELETE FROM g_data');
    one.exec("DROP TABLE g_data; CREATE VIRTUAL TABLE g USING fts5(x); INSERT INTO g VALUES ('hello')");
    one.unsafeMode();
    const rows = one.prepare('SELECT id FROM t').iterate();
    rows.next();
    assert.throws(() => old.run(), /may not be modified/);
    rows.return?.();
    assert.throws(() => old.run(), /may not be modified/);
    assert.deepEqual(other.prepare("SELECT * FROM g WHERE g MATCH 'hello'").pluck().all(), ['hello']);
    one.close();
    other.close();
  });

  test('a user function that is called meanwhile cannot compile a statement', () => {
    const { one, other } = two();
    const seen: unknown[] = [];
    one.function('inside', () => {
      seen.push(failure(() => one.exec('DELETE FROM f_data'))?.message);
      seen.push(failure(() => one.prepare('DELETE FROM f_data'))?.message);
      return 1;
    });
    one.unsafeMode();
    const rows = one.prepare('SELECT id FROM t').iterate();
    rows.next();
    one.prepare('UPDATE t SET x = inside() WHERE id = 1').run();
    one.exec('UPDATE t SET x = inside() WHERE id = 1');
    rows.return?.();
    assert.deepEqual(
      seen,
      Array.from({ length: 4 }, () => 'This database connection is busy executing a query'),
    );
    one.close();
    other.close();
  });
});

describe('what unsafeMode is for', () => {
  const deeds: Readonly<Record<string, (db: Database) => unknown>> = {
    run: db => db.prepare('UPDATE t SET x = ? WHERE id = 1').run('seen'),
    'run once more': db => {
      const update = db.prepare('UPDATE t SET x = ? WHERE id = 1');
      update.run('first');
      update.run('seen');
    },
    'run with bound values': db => db.prepare('UPDATE t SET x = ? WHERE id = 1').bind('seen').run(),
    exec: db => db.exec("UPDATE t SET x = 'seen' WHERE id = 1"),
    'exec of a script with a trigger': db =>
      db.exec(`CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET x = 'seen' WHERE id = 1; SELECT 1; END; ;
        -- a comment
        INSERT INTO t VALUES (4, 'd'); SELECT x FROM t /* the end */`),
    transaction: db => db.transaction(() => db.prepare("UPDATE t SET x = 'seen' WHERE id = 1").run())(),
    'nested transaction': db => db.transaction(() => db.transaction(() => db.exec("UPDATE t SET x = 'seen'"))())(),
    pragma: db => {
      db.pragma('user_version = 7');
      assert.equal(db.pragma('user_version', { simple: true }), 7);
      assert.deepEqual(db.pragma('user_version'), [{ user_version: 7 }]);
      assert.deepEqual(db.pragma('no_such_pragma'), []);
      assert.throws(() => db.pragma('user_version', { simple: 1 as unknown as boolean }), TypeError);
      db.prepare('PRAGMA user_version = 8').run();
      db.exec("PRAGMA busy_timeout = 77; UPDATE t SET x = 'seen' WHERE id = 1");
      assert.equal(db.pragma('busy_timeout', { simple: true }), 77);
      assert.equal(db.pragma('synchronous', { simple: true }), 2);
    },
  };
  for (const [name, deed] of Object.entries(deeds)) {
    test(`${name} beside an open iterator: as with better-sqlite3, and refused again afterwards`, () => {
      const raw = new Native(join(folder, `${(count += 1)}.db`));
      const { one, other } = two();
      raw.exec(schema);
      const xs = [];
      for (const db of [raw as unknown as Database, one]) {
        db.unsafeMode();
        const rows = db.prepare('SELECT id FROM t ORDER BY id').iterate();
        rows.next();
        // The level of raw is its own.
        if (db === one || name !== 'pragma') deed(db);
        else db.exec("UPDATE t SET x = 'seen' WHERE id = 1");
        rows.return?.();
        xs.push(db.prepare('SELECT x FROM t').pluck().all());
        db.unsafeMode(false);
        const again = db.prepare('SELECT id FROM t').iterate();
        again.next();
        assert.throws(() => db.exec('SELECT 1'), { name: 'TypeError', message: /busy executing a query/ });
        again.return?.();
      }
      assert.deepEqual(xs[1], xs[0]);
      assert.equal((xs[1] as unknown[])[0], 'seen');
      for (const db of [raw, one, other]) db.close();
    });
  }

  test('a failure is thrown once and its statement runs once', () => {
    const { one, other } = two();
    let calls = 0;
    one.function('counted', () => {
      calls += 1;
      throw new RangeError('mine');
    });
    one.unsafeMode();
    const update = one.prepare('UPDATE t SET x = counted()');
    assert.throws(() => update.run(), RangeError);
    assert.equal(calls, 1);
    const rows = one.prepare('SELECT id FROM t').iterate();
    rows.next();
    assert.throws(() => update.run(), RangeError);
    assert.equal(calls, 2);
    assert.throws(() => one.exec('INSERT INTO t VALUES (1, 1)'), { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' });
    rows.return?.();
    one.close();
    other.close();
  });
});
