import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operationKind } from '../../dist/fence/failed-operation.js';
import type { OperationKind } from '../../dist/policy/fence.js';

const table: readonly (readonly [sql: string, inTransaction: boolean, kind: OperationKind])[] = [
  ['COMMIT', false, 'commit'],
  ['-- done\nCOMMIT', false, 'commit'],
  ['/* outer */ RELEASE one', true, 'commit'],
  ["-- nightly\nVACUUM INTO 'copy.db'", false, 'copy'],
  ['\ufeff;/* tidy up */ PRAGMA wal_checkpoint(PASSIVE)', false, 'checkpoint'],
  ['INSERT INTO t VALUES (1)', false, 'write'],
  ['INSERT INTO t VALUES (1)', true, 'statement'],
  ["ATTACH 'other.db' AS o", false, 'open'],
  ["ATTACH 'other.db' AS o; COMMIT", false, 'commit'],
  // A text: by the strictest of its statements.
  ["VACUUM INTO 'copy.db'; INSERT INTO t VALUES (1)", false, 'write'],
  ["VACUUM INTO 'copy.db'; PRAGMA wal_checkpoint", false, 'checkpoint'],
  ['INSERT INTO t VALUES (1); PRAGMA wal_checkpoint', false, 'checkpoint'],
  ['BEGIN; INSERT INTO t VALUES (1); COMMIT', false, 'commit'],
  // Its COMMIT was not reached.
  ['BEGIN; INSERT INTO t VALUES (1); COMMIT', true, 'statement'],
];

for (const [sql, inTransaction, kind] of table) {
  test(`${JSON.stringify(sql)}${inTransaction ? ', which leaves a transaction open,' : ''} fails as ${kind}`, () => {
    assert.equal(operationKind({ operation: 'exec', sql, commits: true }, inTransaction), kind);
  });
}

test('what only reads commits nothing', () => {
  assert.equal(operationKind({ operation: 'all', sql: 'SELECT 1' }, false), 'statement');
  assert.equal(operationKind({ operation: 'close' }, false), 'statement');
});
