import assert from 'node:assert/strict';
import { test } from 'node:test';
import Native from 'better-sqlite3';
import { endsTransaction } from '../../dist/sql/transaction-end.js';

const table: readonly (readonly [sql: string, word: string | null])[] = [
  ['COMMIT', 'COMMIT'],
  ['  /* now */ commit transaction;', 'COMMIT'],
  ['-- done\nEND', 'END'],
  ['ROLLBACK', 'ROLLBACK'],
  ['ROLLBACK TRANSACTION', 'ROLLBACK'],
  ['INSERT INTO t VALUES (1); COMMIT', 'COMMIT'],
  ['ROLLBACK TO one', null],
  ['ROLLBACK TRANSACTION TO SAVEPOINT one', null],
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
