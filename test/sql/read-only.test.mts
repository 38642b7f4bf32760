import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusalForReaders } from '../../dist/sql/read-only.js';
import { shapeOf } from '../../dist/sql/shape.js';

test('refusalForReaders finds what acts while it is prepared, or is no write for SQLite', () => {
  const cases: [sql: string, refused: string | null][] = [
    ['SELECT 1', null],
    ['WITH c AS (SELECT 1) SELECT * FROM c', null],
    ['EXPLAIN QUERY PLAN SELECT 1', null],
    ['PRAGMA table_info(t)', null],
    ['PRAGMA "table_info"(t)', null],
    ['PRAGMA main.INDEX_LIST = t', null],
    ['PRAGMA user_version', null],
    ['', null],
    ['-- nothing', null],
    ['PRAGMA user_version = 1', 'pragma-of-file'],
    ['PRAGMA "user_version" = 1', 'pragma-of-file'],
    ['PRAGMA temp.user_version(1)', 'pragma-of-file'],
    ['EXPLAIN PRAGMA query_only = 0', 'pragma-of-connection'],
    ['explain query plan pragma query_only = 0', 'pragma-of-connection'],
    ['PRAGMA table_infos(t)', 'pragma-unknown'],
    ['PRAGMA wal_checkpoint', 'checkpoint'],
    [';;/**/PRAGMA optimize', 'pragma-of-file'],
    ['begin', 'begin'],
    ['End', 'commit'],
    ['rollback to x', 'rollback-to'],
    ['ATTACH ? AS x', 'attach'],
    ['VACUUM main INTO ?', 'vacuum-into'],
  ];
  for (const [sql, refused] of cases) assert.equal(refusalForReaders(sql), refused, sql);
});

describe('shapeOf', () => {
  test('has no value of any kind, and no comment', () => {
    const cases: [sql: string, shape: string][] = [
      ["SELECT * FROM users WHERE mail = 'a@b.example'", 'SELECT * FROM users WHERE mail = ?'],
      ["SELECT x'00ff', 1.5e3, 0xFF, -7, 'it''s'", 'SELECT ?, ?, ?, -?, ?'],
      ['SELECT a /* secret */ FROM "my table" -- secret\nWHERE b = @name', 'SELECT a FROM "my table" WHERE b = @name'],
      ["SELECT 'not closed", 'SELECT ?'],
      ['\n\tSELECT  1 ;', 'SELECT ? ;'],
    ];
    for (const [sql, shape] of cases) assert.equal(shapeOf(sql), shape);
  });

  test('is short, and reads no further than it has to', () => {
    assert.equal(shapeOf(`SELECT ${'a, '.repeat(10_000_000)}b`).length, 301);
  });
});
