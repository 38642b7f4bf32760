import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blameLostTransaction } from '../../dist/policy/lost-transaction.js';

const table: readonly (readonly [code: string, on: 'write' | 'storage'])[] = [
  ['SQLITE_CONSTRAINT', 'write'],
  ['SQLITE_CONSTRAINT_UNIQUE', 'write'],
  ['SQLITE_CONSTRAINT_TRIGGER', 'write'],
  ['SQLITE_FULL', 'storage'],
  ['SQLITE_IOERR_WRITE', 'storage'],
  ['SQLITE_IOERR_FSYNC', 'storage'],
  ['SQLITE_NOMEM', 'storage'],
  ['SQLITE_INTERRUPT', 'storage'],
  ['SQLITE_CORRUPT_VTAB', 'storage'],
];

for (const [code, on] of table) {
  test(`a transaction lost by ${code} is blamed on the ${on}`, () => {
    const blame = blameLostTransaction(code);
    assert.equal(blame.on, on);
    assert.ok(blame.reason.length > 20);
  });
}
