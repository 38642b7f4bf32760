import assert from 'node:assert/strict';
import { test } from 'node:test';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { endsTransaction, statementKind, statementKinds, type StatementKind } from '../../dist/sql/statement-kind.js';
import { anyCase, gap } from './soup.mts';

/** Each statement as words and marks between which anything without meaning may stand. */
const statements: readonly (readonly [words: string, kind: StatementKind])[] = [
  ['BEGIN', 'begin'],
  ['BEGIN IMMEDIATE TRANSACTION', 'begin'],
  ['SAVEPOINT one', 'savepoint'],
  ['COMMIT', 'commit'],
  ['END TRANSACTION', 'commit'],
  ['RELEASE SAVEPOINT one', 'release'],
  ['ROLLBACK', 'rollback'],
  ['ROLLBACK TRANSACTION', 'rollback'],
  ['ROLLBACK TO one', 'rollback-to'],
  ['ROLLBACK TRANSACTION TO SAVEPOINT one', 'rollback-to'],
  ['ROLLBACK TRANSACTION whole TO one', 'rollback-to'],
  ['PRAGMA wal_checkpoint', 'checkpoint'],
  ['PRAGMA main . wal_checkpoint ( TRUNCATE )', 'checkpoint'],
  ['EXPLAIN PRAGMA wal_checkpoint = FULL', 'checkpoint'],
  ['PRAGMA user_version = 7', 'pragma-write'],
  ['PRAGMA main . user_version ( 7 )', 'pragma-write'],
  ['PRAGMA optimize', 'pragma-write'],
  ['PRAGMA incremental_vacuum', 'pragma-write'],
  ['PRAGMA user_version', 'pragma-read'],
  ['PRAGMA', 'pragma-read'],
  ["VACUUM INTO 'copy.db'", 'vacuum-into'],
  ['VACUUM main INTO ?', 'vacuum-into'],
  ['VACUUM', 'other'],
  ['VACUUM main', 'other'],
  ["ATTACH DATABASE 'b.db' AS b", 'attach'],
  ['DETACH b', 'detach'],
  ['EXPLAIN COMMIT', 'other'],
  ['EXPLAIN QUERY PLAN VACUUM INTO ?', 'other'],
  ['INSERT INTO t VALUES ( 1 )', 'other'],
  ["SELECT 'COMMIT'", 'other'],
  ['"COMMIT"', 'other'],
  ['SELECT CASE WHEN 1 THEN 2 END', 'other'],
];

for (const [words, kind] of statements) {
  test(`${words} is of the kind ${kind}, whatever stands before it and between its words`, () => {
    const before = fc.oneof(fc.constant(''), gap, fc.constantFrom(';', ' ;; ', '\ufeff', '\ufeff-- note\n;/* ; */'));
    // A byte order mark behind a word belongs to the word.
    const between = gap.map(text => ` ${text}`);
    const after = fc.constantFrom('', ';', ' ;; -- end', '\n/* end');
    const spelt = words
      .split(' ')
      .map((word, index) =>
        fc.tuple(
          index === 0 ? before : between,
          word.includes("'") || word.includes('"') ? fc.constant(word) : anyCase(word),
        ),
      );
    fc.assert(
      fc.property(fc.tuple(...spelt), after, (parts, end) => {
        const sql = parts.flat().join('') + end;
        assert.equal(statementKind(sql), kind);
        assert.deepEqual([...statementKinds(sql)], [kind]);
      }),
      { numRuns: 200 },
    );
  });
}

test('a text has the kinds of all its statements', () => {
  const sql = "BEGIN; CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; VACUUM INTO 'x'; -- COMMIT\n END;";
  assert.deepEqual([...statementKinds(sql)], ['begin', 'other', 'vacuum-into', 'commit']);
  assert.deepEqual([...statementKinds('')], ['other']);
});

const table: readonly (readonly [sql: string, word: string | null])[] = [
  ['COMMIT', 'COMMIT'],
  ['  /* now */ commit transaction;', 'COMMIT'],
  ['-- done\nEND', 'END'],
  ['ROLLBACK', 'ROLLBACK'],
  ['ROLLBACK TRANSACTION', 'ROLLBACK'],
  ['INSERT INTO t VALUES (1); COMMIT', 'COMMIT'],
  ['ROLLBACK TO one', null],
  ['ROLLBACK TRANSACTION TO SAVEPOINT one', null],
  ['ROLLBACK TRANSACTION whole TO one', null],
  ['SAVEPOINT one', null],
  ['RELEASE one', null],
  ['BEGIN', null],
  ["INSERT INTO t VALUES ('; COMMIT;')", null],
  ['SELECT CASE WHEN 1 THEN 2 END', null],
  ['INSERT OR ROLLBACK INTO t VALUES (1)', null],
  ['CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 1); END;', null],
  ['EXPLAIN COMMIT', null],
];

for (const [sql, word] of table) {
  test(`${JSON.stringify(sql)} ends a transaction: ${word}`, () => {
    assert.equal(endsTransaction(sql), word);
    const db = new Native(':memory:');
    db.exec('CREATE TABLE t (x); BEGIN; SAVEPOINT one');
    try {
      db.exec(sql);
    } catch {
      // BEGIN inside a transaction.
    }
    assert.equal(db.inTransaction, word === null, 'SQLite sees it otherwise');
    db.close();
  });
}
