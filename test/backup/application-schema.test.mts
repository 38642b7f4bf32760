// Schemas that need something of the application: a backup, a check and a restore answer the same, whoever has the database open.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type NativeDatabase from 'better-sqlite3';
import { Database, restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { folder, Native } from './fixture.mts';

const isLong = process.env['LONG_TESTS'] !== undefined;

/** The depths of `quick` and of `full` that work without the function. */
type Depths = readonly [quick: string, full: string];

const kinds: Readonly<Record<string, readonly [sql: string, method: 'vacuum-into' | 'online', depths: Depths]>> = {
  nothing: ['CREATE TABLE t (x)', 'vacuum-into', ['quick', 'full']],
  'an index on an expression': ['CREATE TABLE t (x); CREATE INDEX i ON t (up(x))', 'online', ['quick', 'quick']],
  'a partial index': ["CREATE TABLE t (x); CREATE INDEX i ON t (x) WHERE up(x) > 'A'", 'online', ['quick', 'quick']],
  'an index on a generated column': [
    'CREATE TABLE t (x, y AS (up(x)) VIRTUAL); CREATE INDEX i ON t (y)',
    'online',
    ['quick', 'quick'],
  ],
  'a virtual generated column': ['CREATE TABLE t (x, y AS (up(x)) VIRTUAL)', 'online', ['quick', 'full']],
  'a stored generated column': ['CREATE TABLE t (x, y AS (up(x)) STORED)', 'online', ['quick', 'full']],
  'a virtual generated column that must not be NULL': [
    'CREATE TABLE t (x, y NOT NULL AS (up(x)) VIRTUAL)',
    'online',
    ['partial', 'partial'],
  ],
  'a CHECK': ["CREATE TABLE t (x CHECK (up(x) = 'A'))", 'online', ['quick', 'full']],
  'a CHECK of a generated column': [
    "CREATE TABLE t (x, y AS (up(x)) VIRTUAL CHECK (up(x) = 'A'))",
    'online',
    ['quick', 'full'],
  ],
  'a default': ["CREATE TABLE t (x, y DEFAULT (up('b')))", 'vacuum-into', ['quick', 'full']],
  'a trigger': [
    'CREATE TABLE t (x); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT up(new.x); END',
    'vacuum-into',
    ['quick', 'full'],
  ],
  'a view': ['CREATE TABLE t (x); CREATE VIEW v AS SELECT up(x) FROM t', 'vacuum-into', ['quick', 'full']],
  'a virtual table': ['CREATE TABLE t (x); CREATE VIRTUAL TABLE w USING numbers(3)', 'vacuum-into', ['quick', 'full']],
  'an index with a collation': [
    `CREATE TABLE t (x); CREATE INDEX i ON t (x);
     PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (x COLLATE swiss)' WHERE name = 'i'`,
    'online',
    ['partial', 'partial'],
  ],
  'a column with a collation': [
    `CREATE TABLE t (x); PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x COLLATE swiss)' WHERE name = 't'`,
    'online',
    ['quick', 'full'],
  ],
};
/** The others run with `--long`. */
const short = ['an index with a collation', 'a CHECK of a generated column'];

function giveFunctions(db: NativeDatabase.Database): void {
  db.function('up', { deterministic: true }, x => String(x).toUpperCase());
  const numbers = (limit: unknown) => ({
    columns: ['value'],
    *rows() {
      for (let each = 0; each < Number(limit); each++) yield [each];
    },
  });
  // The types know only a table with fixed columns.
  db.table('numbers', numbers as never);
}

/** Built raw: better-sqlite3 defines no collation, so a text of the schema has to name one. */
function built(path: string, sql: string): void {
  const raw = new Native(path);
  raw.unsafeMode(true);
  giveFunctions(raw);
  raw.pragma('journal_mode=WAL');
  raw.exec(sql);
  raw.pragma('writable_schema=OFF');
  raw.close();
  const again = new Native(path);
  giveFunctions(again);
  if (!sql.includes('swiss')) again.exec("INSERT INTO t (x) VALUES ('a')");
  again.close();
}

const answer = ({ verified, unchecked }: { readonly verified: string; readonly unchecked: readonly string[] }) => ({
  depth: verified,
  unchecked,
});

describe('what a schema needs of the application', () => {
  for (const [name, [sql, method, depths]] of Object.entries(kinds)) {
    test(name, { skip: !isLong && !short.includes(name) && 'runs with --long' }, async t => {
      const home = folder(t);
      const file = join(home, 'app.db');
      built(file, sql);
      for (const [at, level] of (['quick', 'full'] as const).entries()) {
        const closed = await verifyDatabase(file, { level });
        const expected = { depth: depths[at], unchecked: closed.unchecked };
        assert.equal(closed.ok, true, closed.problems.join());
        assert.deepEqual(answer({ verified: String(closed.checked), unchecked: closed.unchecked }), expected);
        assert.equal(closed.unchecked.length > 0, depths[at] !== level);
        const db = new Database(file, { logger: false });
        try {
          giveFunctions(db as unknown as NativeDatabase.Database);
          // A commit in the -wal: from here on the file is only read.
          db.exec('CREATE TABLE IF NOT EXISTS used (a); INSERT INTO used VALUES (1)');
          assert.ok(statSync(`${file}-wal`).size > 0);
          const open = await verifyDatabase(file, { level });
          assert.deepEqual(answer({ verified: String(open.checked), unchecked: open.unchecked }), expected);
          const own = await db.verify(level);
          assert.deepEqual(answer({ verified: String(own.checked), unchecked: own.unchecked }), expected);
          const copy = await db.backup(join(home, `${level}.db`), { verify: level });
          assert.equal(copy.method, method);
          assert.deepEqual(answer(copy), expected);
        } finally {
          db.close();
        }
        const from = join(home, `${level}.db`);
        assert.deepEqual(
          answer(await restoreDatabase({ from, to: join(home, 'restored.db'), verify: level })),
          expected,
        );
      }
    });
  }
});

test('rows that violate a CHECK constraint are counted where SQLite can, and are damage nowhere', async t => {
  const home = folder(t);
  const file = join(home, 'app.db');
  const raw = new Native(file);
  raw.pragma('journal_mode=WAL');
  raw.exec(
    'CREATE TABLE t (a CHECK (a > 0)); PRAGMA ignore_check_constraints=ON; INSERT INTO t VALUES (1), (-1), (-2); PRAGMA ignore_check_constraints=OFF',
  );
  // SQLite's own answer depends on the right to write.
  const ask = (db: NativeDatabase.Database) => db.pragma('integrity_check', { simple: true });
  assert.equal(ask(raw), 'CHECK constraint failed in t');
  const reader = new Native(file, { readonly: true });
  assert.equal(ask(reader), 'ok');
  reader.close();
  for (const level of ['quick', 'full'] as const) {
    const { ok, checked, checkViolations } = await verifyDatabase(file, { level });
    assert.deepEqual([ok, checked, checkViolations], [true, level, null], 'in use');
  }
  raw.close();
  for (const level of ['quick', 'full'] as const) {
    const { ok, checked, problems, checkViolations } = await verifyDatabase(file, { level });
    assert.deepEqual([ok, checked, problems, checkViolations], [true, level, [], 2], 'closed');
  }
  const db = new Database(file, { logger: false });
  await db.backup(join(home, 'copy.db'), { verify: 'full' });
  db.close();
  const { verified } = await restoreDatabase({ from: join(home, 'copy.db'), to: file });
  assert.equal(verified, 'full');
  const mended = new Native(file);
  mended.exec('DELETE FROM t WHERE a < 0');
  mended.close();
  assert.equal((await verifyDatabase(file)).checkViolations, 0);
});
