import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedFiles } from '../../dist/sql/named-files.js';

const table: [sql: string, files: string[]][] = [
  ['SELECT 1', []],
  ["SELECT 'ATTACH x AS y'", []],
  ["ATTACH 'a.db' AS a", ['a.db']],
  ['attach database "a""b.db" as a', ['a"b.db']],
  ["SELECT 1; ATTACH 'a.db' AS a; /* ; */ ATTACH 'b.db' AS b;", ['a.db', 'b.db']],
  ["ATTACH 'file:a.db?mode=ro' AS a", ['file:a.db?mode=ro']],
  ["EXPLAIN ATTACH 'a.db' AS a", []],
  ['ATTACH ? AS a', []],
  ['VACUUM', []],
  ["VACUUM INTO 'c.db'", ['c.db']],
  ["VACUUM main INTO 'c.db'", ['c.db']],
  ["VACUUM INTO 'c' || '.db'", []],
];

for (const [sql, files] of table) test(sql, () => assert.deepEqual(namedFiles(sql), files));
