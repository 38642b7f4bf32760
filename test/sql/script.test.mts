import assert from 'node:assert/strict';
import { test } from 'node:test';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { isScript, piecesOf } from '../../dist/sql/script.js';

const never = (): boolean => false;

test('only a text of many statements is a script', () => {
  assert.equal(isScript('SELECT 1;'.repeat(63)), false);
  assert.equal(isScript('SELECT 1;'.repeat(64)), true);
  assert.equal(isScript(`INSERT INTO t VALUES (1)${', (1)'.repeat(100_000)};`), false);
  assert.equal(isScript(7 as unknown as string), false);
});

test('the pieces are the text, cut behind every eighth statement', () => {
  const trigger = "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT ';'; UPDATE t SET a = 1; END;";
  const script = `-- a dump;\n${`INSERT INTO t VALUES (';');;\n`.repeat(20)}${trigger.repeat(20)} SELECT 1 -- end;`;
  const pieces = [...piecesOf(script, never)];
  assert.equal(pieces.join(''), script);
  assert.deepEqual(
    pieces.map(piece => piece.split(/INSERT INTO|CREATE TRIGGER/).length - 1),
    [8, 8, 8, 8, 8, 0],
  );
});

test('what is left comes as one piece, once nothing is to be done between them', () => {
  const script = 'SELECT 1;'.repeat(100);
  let asked = 0;
  const pieces = [...piecesOf(script, () => (asked += 1) >= 2)];
  assert.deepEqual(
    pieces.map(piece => piece.length / 'SELECT 1;'.length),
    [8, 8, 84],
  );
});

test('in pieces a text does what it does whole, also where it fails', () => {
  const statement = fc.constantFrom(
    "INSERT INTO t VALUES ('a;b')",
    'INSERT INTO t SELECT count(*) FROM t',
    'CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM t WHERE a IS NULL; END',
    'DROP TRIGGER tr',
    'BEGIN',
    'COMMIT',
    'SAVEPOINT s',
    'RELEASE s',
    '/* ; */',
    'no statement',
  );
  const texts = fc.array(fc.tuple(statement, fc.constantFrom(';', ';\n', ';;', '; -- x;\n', ';\0')), {
    minLength: 10,
    maxLength: 60,
  });
  const outcome = (run: (db: Native.Database) => void): unknown => {
    using db = Object.assign(new Native(':memory:'), { [Symbol.dispose]: () => db.close() });
    db.exec('CREATE TABLE t (a)');
    let error: unknown = null;
    try {
      run(db);
    } catch (thrown) {
      error = String(thrown);
    }
    return { error, open: db.inTransaction, rows: db.prepare('SELECT a FROM t').all() };
  };
  fc.assert(
    fc.property(texts, fc.boolean(), (list, throughout) => {
      const sql = list.map(([text, end]) => text + end).join('');
      const pieces = outcome(db => {
        for (const piece of piecesOf(sql, () => !throughout && db.inTransaction)) db.exec(piece);
      });
      assert.deepEqual(
        pieces,
        outcome(db => db.exec(sql)),
      );
    }),
    { numRuns: 500 },
  );
});
