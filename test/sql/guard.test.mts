import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { UnsafeStatementError } from '../../dist/errors/refusals.js';
import { guardedPieces, inspectSql, refuse, type GuardContext, type GuardDecision } from '../../dist/sql/guard.js';
import { inRollback, inWal } from './guard-contexts.mts';

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
    ['PRAGMA synchronous == off', 'refused'],
    ['PRAGMA synchronous = -2', 'refused'],
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
    ["PRAGMA data_store_directory = 'x'", 'refused'],
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
      ["PRAGMA synchronous = 'off'nonsense", 'PRAGMA synchronous = FULL nonsense'],
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

test('guarded statements of a script run alone, with everything before, between and behind them in its place', () => {
  const rows: readonly (readonly [free: string, guarded: string])[][] = [
    [
      ['SELECT 1; SELECT 2;', " ATTACH 'b' AS b;"],
      [" SELECT ';'; SELECT 4", ''],
    ],
    [
      ['', 'PRAGMA a = 1;'],
      ['', 'PRAGMA b = 2;'],
      [' SELECT 3;', ' -- four\nVACUUM INTO x'],
    ],
    [['SELECT 1', '']],
  ];
  for (const row of rows) {
    const expected = row.flatMap(([free, guarded]) => [
      { text: free, guarded: false },
      { text: guarded, guarded: true },
    ]);
    const wanted = expected.filter(({ text }) => text !== '');
    assert.deepEqual([...guardedPieces(row.flat().join(''))], wanted);
  }
});
