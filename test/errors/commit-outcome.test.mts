import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commitOutcome } from '../../dist/errors/commit-outcome.js';
import { resolveCode, resultCodes } from '../../dist/errors/result-codes.js';

const table: [code: string, stillOpen: boolean, outcome: 'rolled-back' | 'unknown' | undefined][] = [
  ['SQLITE_BUSY', true, undefined],
  ['SQLITE_CONSTRAINT_FOREIGNKEY', true, undefined],
  ['SQLITE_FULL', false, 'rolled-back'],
  ['SQLITE_IOERR_WRITE', false, 'rolled-back'],
  ['SQLITE_IOERR_TRUNCATE', false, 'rolled-back'],
  ['SQLITE_IOERR_DELETE', false, 'rolled-back'],
  ['SQLITE_IOERR_FSYNC', false, 'unknown'],
  ['SQLITE_IOERR_DIR_FSYNC', false, 'unknown'],
  ['SQLITE_IOERR', false, 'unknown'],
  ['SQLITE_CORRUPT', false, 'unknown'],
  ['SQLITE_NOMEM', false, 'unknown'],
  ['SQLITE_CONSTRAINT_COMMITHOOK', false, 'rolled-back'],
];

for (const [code, stillOpen, outcome] of table) {
  test(`COMMIT that fails with ${code}${stillOpen ? ', transaction still open' : ''}: ${outcome ?? 'may be run again'}`, () => {
    assert.equal(commitOutcome(code, resolveCode(code)?.primaryCode ?? '', stillOpen), outcome);
  });
}

test('every I/O error that was not measured to be undone is unknown', () => {
  const undone = ['SQLITE_IOERR_WRITE', 'SQLITE_IOERR_TRUNCATE', 'SQLITE_IOERR_DELETE'];
  for (const code of resultCodes.keys()) {
    if (!code.startsWith('SQLITE_IOERR') || undone.includes(code)) continue;
    assert.equal(commitOutcome(code, 'SQLITE_IOERR', false), 'unknown', code);
  }
});
