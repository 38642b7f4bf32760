import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeFailedCommit, type CommitOutcome } from '../../dist/policy/commit-outcome.js';
import { resultCodes } from '../../dist/errors/result-codes.js';

// Each row was measured by making the call fail and looking at the file after a crash (test/faults), or follows from
// the order of the steps in wal.c and pager.c.
const table: [journalMode: string, code: string, outcome: CommitOutcome | null][] = [
  ['wal', 'SQLITE_IOERR_FSYNC', 'unknown'],
  ['wal', 'SQLITE_IOERR_WRITE', 'unknown'],
  ['wal', 'SQLITE_IOERR_SHMSIZE', 'unknown'],
  ['wal', 'SQLITE_IOERR_SHMMAP', 'unknown'],
  ['wal', 'SQLITE_IOERR', 'unknown'],
  ['wal', 'UNKNOWN_SQLITE_ERROR_9226', 'unknown'],
  ['wal', 'SQLITE_NOMEM', 'unknown'],
  ['wal', 'SQLITE_FULL', 'rolled-back'],
  ['delete', 'SQLITE_IOERR_FSYNC', 'rolled-back'],
  ['delete', 'SQLITE_IOERR_DELETE', 'rolled-back'],
  ['delete', 'SQLITE_IOERR_DIR_FSYNC', 'unknown'],
  ['delete', 'SQLITE_IOERR_UNLOCK', 'unknown'],
  ['delete', 'SQLITE_IOERR_RDLOCK', 'unknown'],
  ['delete', 'SQLITE_IOERR_LOCK', 'rolled-back'],
  ['delete', 'SQLITE_FULL', 'rolled-back'],
  ['delete', 'SQLITE_NOMEM', 'rolled-back'],
  ['truncate', 'SQLITE_IOERR_FSYNC', 'unknown'],
  ['truncate', 'SQLITE_IOERR_TRUNCATE', 'rolled-back'],
  ['persist', 'SQLITE_IOERR_WRITE', 'unknown'],
  ['wal', 'SQLITE_ERROR', null],
  ['wal', 'SQLITE_CONSTRAINT_UNIQUE', null],
  ['delete', 'SQLITE_BUSY', null],
  ['delete', 'not a code of SQLite', null],
];

for (const [journalMode, code, outcome] of table) {
  test(`${code} with journal_mode=${journalMode}: ${outcome ?? 'no commit failed'}`, () => {
    const judged = judgeFailedCommit({ code, journalMode, stillOpen: false });
    assert.equal(judged.outcome, outcome);
    assert.notEqual(judged.reason, '');
  });
}

test('while the transaction is open, nothing became of it yet', () => {
  for (const code of resultCodes.keys()) {
    assert.equal(judgeFailedCommit({ code, journalMode: 'wal', stillOpen: true }).outcome, null);
  }
});

test('in WAL mode no I/O error is taken for a rollback', () => {
  for (const code of resultCodes.keys()) {
    if (!code.startsWith('SQLITE_IOERR')) continue;
    assert.equal(judgeFailedCommit({ code, journalMode: 'wal', stillOpen: false }).outcome, 'unknown', code);
  }
});
