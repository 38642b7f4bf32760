import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type Database from 'better-sqlite3';
import { UnsafeStatementError } from '../../dist/errors/refusals.js';
import { inspectSql, refuse, type GuardContext, type GuardDecision } from '../../dist/sql/guard.js';
import { spelling, tokenSoup, type Spelling } from './soup.mts';
import { failureOf } from './sqlite.mts';
import { openHardened, vitalsOf, weakened, type VitalName } from './vitals.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-guard-'));
after(() => rmSync(folder, { recursive: true }));

const inWal: GuardContext = {
  storage: 'file',
  walAllowed: true,
  synchronous: 'full',
  platform: 'darwin',
  allowUnsyncedCommits: false,
  weakerPragmas: 'throw',
};
const inRollback: GuardContext = { ...inWal, walAllowed: false, synchronous: 'extra' };
const inMemory: GuardContext = { ...inWal, storage: 'memory' };

const ordinary = inspectSql('SELECT 1', inWal);

function refused(decision: GuardDecision): Extract<GuardDecision, { verdict: 'refused' }> {
  assert.equal(decision.verdict, 'refused');
  return decision as Extract<GuardDecision, { verdict: 'refused' }>;
}

describe('inspectSql, by table', () => {
  const texts: readonly (readonly [sql: string, verdict: GuardDecision['verdict'], context?: GuardContext])[] = [
    ['', 'ordinary'],
    ['SELECT 1; INSERT INTO t VALUES (1)', 'ordinary'],
    ["SELECT 'PRAGMA synchronous=0'", 'ordinary'],
    ['SELECT 1 -- ; PRAGMA synchronous=0', 'ordinary'],
    ['SELECT 1 /* ; PRAGMA synchronous=0; */', 'ordinary'],
    ['SELECT "pragma", [attach], `vacuum` FROM pragma', 'ordinary'],
    ['SELECT pragma = 0, synchronous FROM t', 'ordinary'],
    ["SELECT * FROM pragma_journal_mode WHERE journal_mode <> 'off'", 'ordinary'],
    ['BEGIN; INSERT INTO attach VALUES (1); COMMIT', 'ordinary'],
    ['SAVEPOINT pragma; RELEASE pragma', 'ordinary'],
    ['VACUUM', 'ordinary'],
    ['VACUUM main; SELECT 1', 'ordinary'],
    ['SELECT 1;\0PRAGMA synchronous=0', 'ordinary'],
    ['PRAGMA', 'ordinary'],
    ['PRAGMA main.', 'ordinary'],
    ['PRAGMA synchronous', 'ordinary'],
    ['PRAGMA main.journal_mode', 'ordinary'],
    ['PRAGMA synchronous =', 'ordinary'],
    ['PRAGMA foreign_keys = OFF; PRAGMA user_version = 7', 'ordinary'],
    ['PRAGMA table_info(t)', 'ordinary'],
    ['PRAGMA temp.synchronous = 0; PRAGMA "TEMP".journal_mode = off', 'ordinary'],
    ['PRAGMA temp.cell_size_check = 0', 'refused'],
    ['PRAGMA temp.wal_autocheckpoint = 1000', 'refused'],
    ['PRAGMA synchronous = off', 'refused'],
    ['PRAGMA other.synchronous(normal)', 'refused'],
    ['EXPLAIN PRAGMA cell_size_check = 0', 'refused'],
    ['explain query plan PRAGMA cell_size_check = 0', 'refused'],
    ['PRAGMA cell_size_check = 0 nonsense', 'refused'],
    ['PRAGMA cell_size_check(0', 'refused'],
    ['SELECT 1;\vPRAGMA synchronous = 0', 'refused'],
    ['CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; PRAGMA synchronous = 0; END', 'refused'],
    ['CREATE TRIGGER a AFTER INSERT ON t BEGIN SELECT 1; END; PRAGMA synchronous = 0', 'refused'],
    ['PRAGMA synchronous = FULL', 'watched'],
    ['PRAGMA journal_mode = WAL', 'watched'],
    ['PRAGMA journal_mode = WAL', 'refused', inRollback],
    ['PRAGMA journal_mode = WAL; CREATE TABLE t(a)', 'watched'],
    ['CREATE TABLE t(a); PRAGMA journal_mode = DELETE', 'watched'],
    ['PRAGMA journal_mode = DELETE; CREATE TABLE t(a)', 'watched'],
    ['PRAGMA journal_mode = DELETE; CREATE TABLE t(a)', 'watched', inRollback],
    ['PRAGMA no_such_pragma', 'ordinary'],
    ['PRAGMA no_such_pragma = 1', 'watched'],
    ["ATTACH 'a.db' AS a", 'watched'],
    ["CREATE TABLE t(a); ATTACH 'a.db' AS a; ATTACH 'b.db' AS b;", 'watched'],
    ["ATTACH 'a.db' AS a; INSERT INTO a.t VALUES (1)", 'watched'],
    ["ATTACH 'a.db' AS a; PRAGMA a.user_version = 1", 'watched'],
    ["ATTACH ':memory:' AS a; CREATE TABLE a.t(a)", 'watched'],
    ["ATTACH '' AS a; CREATE TABLE a.t(a)", 'watched'],
    ['DETACH a', 'watched'],
    ['DETACH ?', 'watched'],
    ['DETACH', 'refused'],
    ["ATTACH 'a.db'", 'refused'],
    ["ATTACH ('a.db' AS a", 'refused'],
    ["ATTACH 'a.db') AS (a", 'refused'],
    ['ATTACH CAST(? AS TEXT) AS a KEY ?', 'watched'],
    ["EXPLAIN ATTACH 'a.db' AS a", 'ordinary'],
    ["VACUUM INTO 'copy.db'", 'watched'],
    ['VACUUM main INTO :copy;', 'watched'],
    ["VACUUM INTO 'copy' || '.db'", 'watched'],
    ['VACUUM INTO (SELECT file FROM t)', 'watched'],
    ['VACUUM INTO', 'refused'],
    ["EXPLAIN VACUUM INTO 'copy' || '.db'", 'ordinary'],
    ['VACUUM', 'ordinary'],
    ['PRAGMA synchronous = 0; PRAGMA main.journal_mode(off); PRAGMA mmap_size = 1', 'ordinary', inMemory],
    ['PRAGMA no_such_pragma = 1', 'ordinary', inMemory],
    ['PRAGMA writable_schema = 1', 'refused', inMemory],
    ['PRAGMA schema_version = 1', 'refused', inMemory],
    ["ATTACH 'a.db' AS a", 'watched', inMemory],
  ]; // prettier-ignore
  for (const [sql, verdict, context = inWal] of texts) {
    test(`${JSON.stringify(sql)} is ${verdict}${context === inWal ? '' : ` ${JSON.stringify(context)}`}`, () => {
      assert.equal(inspectSql(sql, context).verdict, verdict);
    });
  }

  test('answers ordinary SQL with one frozen object', () => {
    assert.equal(inspectSql("SELECT 'pragma'", inWal), ordinary);
    assert.ok(Object.isFrozen(ordinary));
  });

  test('tells what a watched text touches', () => {
    const sql =
      "PRAGMA \"main\".[journal_mode]('WAL');VACUUM aux INTO 'c''d'; VACUUM INTO ?;DETACH DATABASE \"x\"\"y\";\nATTACH DATABASE \"a'b\" AS `c``d` KEY 'k'";
    const literal = (text: string) => {
      const quoted = `'${text.replaceAll("'", "''")}'`;
      return { sql: quoted, unbound: quoted, literal: text };
    };
    assert.deepEqual(inspectSql(sql, inWal), {
      verdict: 'watched',
      text: sql,
      pragmas: [{ schema: 'main', name: 'journal_mode', value: 'WAL' }],
      weaker: [],
      attaches: [{ file: literal("a'b"), schema: literal('c`d'), key: literal('k') }],
      detaches: [literal('x"y')],
      copies: [
        { file: literal("c'd"), schema: 'aux' },
        { file: { sql: '?', unbound: 'NULL', literal: null }, schema: null },
      ],
    });
  });

  test('keeps what asks for less safety, and nothing else of the text changes', () => {
    const keeping = { ...inWal, weakerPragmas: 'keep' } as const;
    const kept: readonly (readonly [sql: string, text: string, context?: GuardContext])[] = [
      ['PRAGMA synchronous = OFF', 'PRAGMA synchronous = FULL'],
      ['PRAGMA synchronous = NORMAL; PRAGMA cache_size = 5', 'PRAGMA synchronous = FULL; PRAGMA cache_size = 5'],
      ["pragma /**/ main . 'synchronous' ( 0 ) ;", "pragma /**/ main . 'synchronous' ( FULL ) ;"],
      ['PRAGMA synchronous = -1', 'PRAGMA synchronous = FULL'],
      ['PRAGMA synchronous = - off', 'PRAGMA synchronous = - FULL'],
      ['PRAGMA synchronous = FULL', 'PRAGMA synchronous = EXTRA', { ...inRollback, weakerPragmas: 'keep' }],
      ['PRAGMA journal_mode = MEMORY;', 'PRAGMA journal_mode ;'],
      ['PRAGMA journal_mode(off) -- x', 'PRAGMA journal_mode -- x'],
      ['PRAGMA journal_mode(off', 'PRAGMA journal_mode'],
      ['PRAGMA journal_mode = WAL', 'PRAGMA journal_mode ', { ...inRollback, weakerPragmas: 'keep' }],
      ['PRAGMA mmap_size=30000000000;SELECT 1', 'PRAGMA mmap_size=0;SELECT 1'],
      ['PRAGMA locking_mode = "EXCLUSIVE"', 'PRAGMA locking_mode = NORMAL'],
      ['EXPLAIN PRAGMA cell_size_check = 0', 'EXPLAIN PRAGMA cell_size_check = ON'],
      ['PRAGMA fullfsync = 0; PRAGMA checkpoint_fullfsync = 0', 'PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON'],
      ['PRAGMA wal_autocheckpoint = 1000', 'PRAGMA wal_autocheckpoint = 0'],
      ['PRAGMA trusted_schema = ON', 'PRAGMA trusted_schema = ON'],
      ['PRAGMA mmap_size = ?', 'PRAGMA mmap_size = ?'],
    ]; // prettier-ignore
    for (const [sql, text, context = keeping] of kept) {
      const decision = inspectSql(sql, context);
      assert.equal(decision.verdict === 'watched' && decision.text, text, sql);
    }
    for (const name of ['writable_schema', 'ignore_check_constraints', 'schema_version', 'temp_store_directory', 'data_store_directory', 'lock_proxy_file']) {
      assert.equal(inspectSql(`PRAGMA ${name} = 1`, keeping).verdict, 'refused', name);
    } // prettier-ignore
  });
});

describe('refuse', () => {
  test('says what, where, why and what instead, and nothing of the other statements', () => {
    const sql = "INSERT INTO t VALUES ('secret');\n  PRAGMA main.synchronous = 'off'; SELECT 'secret'";
    const decision = refused(inspectSql(sql, inWal));
    const error = refuse(decision, sql);
    assert.ok(error instanceof UnsafeStatementError);
    assert.equal(error.code, 'SAFE_SQLITE_UNSAFE_STATEMENT');
    assert.match(
      error.message,
      /^Refused `PRAGMA main\.synchronous = off` at line 2, column 15 of the SQL text: it would/,
    );
    assert.equal(error.hint, decision.instead);
    assert.deepEqual(error.details, {
      token: 'synchronous',
      position: 47,
      line: 2,
      column: 15,
      pragma: { schema: 'main', name: 'synchronous', value: 'off' },
    });
    assert.ok(!JSON.stringify([error.message, error.hint, error.details]).includes('secret'));
  });

  test('quotes a long token in part', () => {
    const sql = `PRAGMA synchronous = '${'x'.repeat(5000)}'`;
    assert.ok(refuse(refused(inspectSql(sql, inWal)), sql).message.length < 400);
  });
});

type Way = 'exec' | 'prepare' | 'run' | 'pragma' | 'explain';

/** What SQLite gets when `sql` comes in this way, and how to bring it there. */
function sent(way: Way, sql: string): Sent {
  if (way === 'exec') return { text: sql, run: (db, text) => db.exec(text) };
  if (way === 'prepare') return { text: sql, run: (db, text) => db.prepare(text) };
  if (way === 'run')
    return {
      text: sql,
      run: (db, text) => (db.prepare(text).reader ? db.prepare(text).all() : db.prepare(text).run()),
    };
  if (way === 'pragma') return { text: `PRAGMA ${sql}`, run: (db, text) => db.pragma(text.slice('PRAGMA '.length)) };
  return {
    text: `EXPLAIN ${sql}`,
    // The types of better-sqlite3 leave `explain` out.
    run: (db, text) => (db as unknown as { explain(source: string): unknown }).explain(text.slice('EXPLAIN '.length)),
  };
}

interface Sent {
  readonly text: string;
  readonly run: (db: Database.Database, text: string) => unknown;
}

const ways = fc.constantFrom<Way>('exec', 'exec', 'prepare', 'run', 'pragma', 'explain');

const someTrigger =
  'CREATE TEMP TRIGGER IF NOT EXISTS tr AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT 3; END;';
const before = fc.constantFrom(
  '',
  '',
  '',
  'SELECT 1;',
  "SELECT ';' -- ;\n;",
  someTrigger,
  'CREATE TABLE IF NOT EXISTS trigger(a);',
);

/** Runs the text on raw better-sqlite3 over a real file; what became weaker must have been refused. */
function proveRefusal(journal: 'wal' | 'delete', texts: fc.Arbitrary<Sent>, numRuns: number): Map<VitalName, number> {
  const context = journal === 'wal' ? inWal : inRollback;
  const file = join(mkdtempSync(join(folder, 'raw-')), 'raw.db');
  let db = openHardened(file, journal);
  db.exec('CREATE TABLE t(a); CREATE TABLE trigger(a)');
  const seen = new Map<VitalName, number>();
  let keptTexts = 0;
  let before = vitalsOf(db);
  fc.assert(
    fc.property(texts, ({ text, run }) => {
      const decision = inspectSql(text, context);
      const keeping = inspectSql(text, { ...context, weakerPragmas: 'keep' });
      if (keeping.verdict === 'watched' && keeping.weaker.length > 0) {
        failureOf(() => run(db, keeping.text));
        const granted = keeping.weaker.some(({ outcome }) => outcome === 'granted');
        const lost = weakened(before, vitalsOf(db)).filter(name => !(granted && name === 'trusted_schema'));
        assert.deepEqual(lost, [], `became weaker by the text that keeps: ${JSON.stringify([text, keeping.text])}`);
        keptTexts += 1;
        if (db.inTransaction) db.exec('ROLLBACK');
        db.pragma('trusted_schema = OFF');
      }
      failureOf(() => run(db, text));
      const now = vitalsOf(db);
      const weaker = weakened(before, now);
      if (weaker.length > 0 || db.inTransaction) {
        db.close();
        db = openHardened(file, journal);
        if (db.pragma('temp_store_directory', { simple: true })) db.pragma("temp_store_directory = ''");
        before = vitalsOf(db);
      }
      for (const name of weaker) seen.set(name, (seen.get(name) ?? 0) + 1);
      if (weaker.length > 0)
        assert.equal(decision.verdict, 'refused', `${weaker.join()} became weaker: ${JSON.stringify(text)}`);
    }),
    { numRuns },
  );
  db.close();
  assert.ok(keptTexts > 50, `only ${keptTexts} texts were kept`);
  return seen;
}

describe('whatever makes SQLite weaker is refused', () => {
  const numbers = ['0', '1', '2', '3', '4', '7', '8', '10', '1000', '0x0', '0x8'];
  const words = [
    'off',
    'on',
    'no',
    'yes',
    'true',
    'false',
    'normal',
    'full',
    'extra',
    'default',
    'nonsense',
    'reset',
    '',
  ];
  const modes = ['delete', 'memory', 'wal', 'persist', 'truncate', 'exclusive', 'm', 'mem', 'o', 'w', 'd', 'p'];
  const any = [...numbers, ...words, ...modes, tmpdir()];
  const vital: readonly VitalName[] = [
    'synchronous', 'journal_mode', 'locking_mode', 'mmap_size', 'wal_autocheckpoint', 'cell_size_check', 'trusted_schema', 'writable_schema',
    'ignore_check_constraints', 'schema_version', 'fullfsync', 'checkpoint_fullfsync', 'temp_store_directory',
  ]; // prettier-ignore

  /** Values that change something where a number or a boolean does not, often enough to be seen. */
  const telling: Partial<Record<VitalName, string[]>> = {
    journal_mode: ['off', 'memory', 'mem', 'wal'],
    locking_mode: Array.from({ length: 20 }, () => 'exclusive'),
    temp_store_directory: Array.from({ length: 20 }, () => tmpdir()),
  };
  const spelt = fc.tuple(
    ways,
    before,
    fc.constantFrom(...vital).chain(name => spelling(name, [...(telling[name] ?? []), ...any])),
  );
  const texts = spelt.map(([way, first, { sql, afterKeyword }]: [Way, string, Spelling]) =>
    sent(way, way === 'pragma' ? afterKeyword : way === 'exec' || way === 'prepare' ? first + sql : sql),
  );

  for (const journal of ['wal', 'delete'] as const) {
    test(`however a pragma is spelt, with journal_mode = ${journal}`, () => {
      const seen = proveRefusal(journal, texts, 4000);
      for (const name of vital)
        assert.ok((seen.get(name) ?? 0) >= 5, `${name} became weaker ${seen.get(name) ?? 0} times`);
    });
  }

  test('in a soup of words', () => {
    const word = fc.constantFrom(
      'PRAGMA', 'pragma synchronous', 'pragma cell_size_check', 'synchronous', 'writable_schema', 'main', '.', '=', '(', ')', '0', '1', '-', ';', ';', 'off', 'on',
      'EXPLAIN', 'QUERY PLAN', 'CREATE TRIGGER', 'CREATE TEMP TRIGGER x AFTER INSERT ON t', 'BEGIN', 'SELECT 1', 'END', 'COMMIT', "'", '"', '`', '[', ']', '/*', '*/',
      '--', '\n', '\v', '\ufeff', '\0',
    ); // prettier-ignore
    const soup = fc
      .array(fc.oneof({ weight: 12, arbitrary: word }, { weight: 1, arbitrary: tokenSoup }), {
        maxLength: 12,
        size: 'max',
      })
      .map(parts => parts.join(' '));
    const start = fc.constantFrom(
      '',
      'PRAGMA cell_size_check ',
      'PRAGMA main.cell_size_check = ',
      'SELECT 1;',
      someTrigger,
    );
    const seen = proveRefusal(
      'wal',
      fc.tuple(ways, start, soup).map(([way, first, sql]) => sent(way, first + sql)),
      10_000,
    );
    assert.ok((seen.get('cell_size_check') ?? 0) >= 20, JSON.stringify([...seen]));
  });

  test('and ordinary SQL with such words in strings, comments and names is not', () => {
    const file = join(folder, 'ordinary.db');
    const db = openHardened(file, 'wal');
    db.exec('CREATE TABLE pragma(attach, vacuum, detach); CREATE TABLE t(a)');
    const hidden = fc
      .constantFrom(...vital)
      .chain(name => spelling(name, any))
      .map(({ sql }) => sql.replaceAll('\0', ''));
    const template = fc.constantFrom<(text: string) => string>(
      text => `SELECT '${text.replaceAll("'", "''")}'`,
      text => `SELECT 1 AS "${text.replaceAll('"', '""')}"`,
      text => `SELECT 1 AS [${text.replaceAll(']', '')}]`,
      text => `SELECT 1 AS \`${text.replaceAll('`', '``')}\` FROM pragma`,
      text => `SELECT attach, "pragma".vacuum AS detach FROM pragma /* ;${text.replaceAll('*', '')} */`,
      text => `INSERT INTO pragma(attach) VALUES ('${text.replaceAll("'", "''")}') -- ;${text.replaceAll('\n', '')}`,
      text => `SELECT 1; -- ${text.replaceAll('\n', '')}\n SELECT 2`,
      text =>
        `CREATE TEMP TRIGGER IF NOT EXISTS pragma AFTER INSERT ON t BEGIN SELECT '${text.replaceAll("'", "''")}' AS attach; END`,
    );
    fc.assert(
      fc.property(hidden, template, (text, around) => {
        const sql = around(text);
        db.exec(sql);
        assert.equal(inspectSql(sql, inWal), ordinary, sql);
      }),
      { numRuns: 1500 },
    );
    db.close();
  });
});
