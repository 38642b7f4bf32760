import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { statementsOf } from '../../dist/sql/statements.js';
import { countStatements, wellFormed } from './sqlite.mts';
import { gap, tokenSoup } from './soup.mts';

/** The texts of the statements: each from the end of the one before it to its own end. */
function texts(sql: string): string[] {
  let start = 0;
  return [...statementsOf(sql)].map(tokens => {
    const last = tokens.at(-1);
    // Of a long statement without a semicolon only the beginning is kept; it goes up to the end of the text.
    const end = tokens.length < 16 || last?.kind === 'semicolon' ? last?.end : sql.split('\0')[0]?.length;
    const text = sql.slice(start, end);
    start = end ?? start;
    return text;
  });
}

const trigger =
  "CREATE TEMP TRIGGER IF NOT EXISTS tr AFTER INSERT ON t WHEN new.a > 0 BEGIN SELECT CASE WHEN 1 THEN 2 END; UPDATE t SET a = ';'; END";

describe('statementsOf', () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    [' ; -- ;\n;', []],
    ['SELECT 1', ['SELECT 1']],
    [';;SELECT 1;;SELECT 2; -- end', [';;SELECT 1;', ';SELECT 2;']],
    ["SELECT ';'; SELECT [;], \";\", `;` /* ; */", ["SELECT ';';", " SELECT [;], \";\", `;`"]],
    [`${trigger}; SELECT 1`, [`${trigger};`, ' SELECT 1']],
    [`/**/ EXPLAIN QUERY PLAN ${trigger};SELECT 1`, [`/**/ EXPLAIN QUERY PLAN ${trigger};`, 'SELECT 1']],
    ['CREATE TABLE trigger(a); SELECT 1', ['CREATE TABLE trigger(a);', ' SELECT 1']],
    ['SELECT 1;\0SELECT 2', ['SELECT 1;']],
  ]; // prettier-ignore
  for (const [sql, expected] of table) {
    test(JSON.stringify(sql), () => assert.deepEqual(texts(sql), expected));
  }

  test('cuts where better-sqlite3 ends a statement', () => {
    const db = new Database(':memory:');
    db.exec('CREATE TABLE t(a)');
    const statement = fc.constantFrom(
      'SELECT 1',
      'SELECT \';\', "a" FROM t',
      'SELECT CASE a WHEN 1 THEN 2 END FROM t',
      'SELECT a AS "end" FROM t',
      'BEGIN',
      'END',
      'EXPLAIN SELECT 1',
      'CREATE TABLE IF NOT EXISTS t(a)',
      'PRAGMA user_version',
      trigger,
      `explain ${trigger.toLowerCase()}`,
    );
    const script = fc
      .array(fc.tuple(statement, gap, fc.constantFrom(';', ';;', '; ;', ';/**/')), { minLength: 1, maxLength: 5 })
      .map(list => list.map(([sql, space, end]) => space + sql + end).join(''));
    let several = 0;
    fc.assert(
      fc.property(script, sql => {
        const parts = texts(sql);
        for (const [index, part] of parts.entries()) {
          // A byte order mark or a vertical tab before a statement, and nothing else, may keep SQLite from reading it.
          assert.equal(countStatements(db, part), 'one', part);
          if (index === 0) continue;
          assert.equal(countStatements(db, parts[index - 1] + part), 'several', parts[index - 1] + part);
          several++;
        }
      }),
      { numRuns: 500 },
    );
    db.close();
    assert.ok(several > 300, `only ${several} cuts were looked at`);
  });

  test('never cuts later than better-sqlite3, whatever the text', () => {
    const db = new Database(':memory:');
    const seen = { one: 0, several: 0, broken: 0, none: 0 };
    const word = fc.constantFrom(
      'SELECT',
      'SELECT 1',
      ';',
      '; ',
      'a',
      '1',
      ' ',
      'END',
      'BEGIN',
      'CREATE',
      'TRIGGER',
      "';'",
    );
    const text = fc.array(fc.oneof(word, word, tokenSoup)).map(parts => parts.join(' '));
    fc.assert(
      fc.property(text, soup => {
        const sql = wellFormed(soup);
        const whole = countStatements(db, sql);
        seen[whole]++;
        const [first] = texts(sql);
        if (whole === 'none') assert.equal(first, undefined, sql);
        if (whole === 'several') assert.equal(countStatements(db, first ?? ''), 'one', sql);
        // SQLite reads `/*` at the very end of a text as two operators, and better-sqlite3 skips it as a comment.
        if (whole === 'one') assert.equal(texts(sql.replace(/\/\*$/, '')).length, 1, sql);
      }),
      { numRuns: 5000, examples: [['BEGIN ;/*']] },
    );
    db.close();
    assert.ok(seen.one >= 50 && seen.several >= 50, JSON.stringify(seen));
  });
});
