import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeFailedCommit, type CommitOutcome, type FailedCommit } from '../../dist/policy/commit-outcome.js';
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

function judge(code: string, journalModes: readonly string[] | null, facts: Partial<FailedCommit> = {}) {
  const files = journalModes?.map((journalMode, index) => ({ file: `/${index}.db`, journalMode })) ?? null;
  return judgeFailedCommit({ code, files, several: true, mainHasFile: true, stillOpen: false, ...facts });
}

for (const [journalMode, code, outcome] of table) {
  test(`${code} with journal_mode=${journalMode}: ${outcome ?? 'no commit failed'}`, () => {
    const judged = judge(code, [journalMode]);
    assert.equal(judged.outcome, outcome);
    assert.notEqual(judged.reason, '');
  });
}

test('while the transaction is open, nothing became of it yet', () => {
  for (const code of resultCodes.keys()) {
    assert.equal(judge(code, ['wal', 'wal'], { stillOpen: true }).outcome, null);
  }
});

test('in WAL mode no I/O error is taken for a rollback', () => {
  for (const code of resultCodes.keys()) {
    if (!code.startsWith('SQLITE_IOERR')) continue;
    assert.equal(judge(code, ['wal']).outcome, 'unknown', code);
  }
});

describe('a transaction over several files', () => {
  const strikes = [...resultCodes.keys()].filter(code => judge(code, ['wal']).outcome !== null);

  test('one of them in WAL mode: no failure of COMMIT is taken for a rollback', () => {
    assert.ok(strikes.includes('SQLITE_FULL'));
    for (const code of strikes) {
      for (const modes of [
        ['wal', 'wal'],
        ['wal', 'delete'],
        ['delete', 'wal'],
        ['delete', 'persist', 'wal'],
      ]) {
        assert.equal(judge(code, modes).outcome, 'unknown', `${code} ${modes.join(' ')}`);
      }
    }
  });

  test('all with a rollback journal: one super-journal commits them, as if they were one file', () => {
    for (const code of strikes) {
      assert.equal(judge(code, ['delete', 'delete']).outcome, judge(code, ['delete']).outcome, code);
      // The one that knows least decides.
      assert.equal(judge(code, ['delete', 'truncate']).outcome, judge(code, ['truncate']).outcome, code);
    }
  });

  test('without a file of the main database there is no super-journal', () => {
    for (const code of strikes) {
      assert.equal(judge(code, ['delete', 'delete'], { mainHasFile: false }).outcome, 'unknown', code);
    }
  });

  test('a single statement writes one of them: rolled back where each would be', () => {
    const facts = { several: false };
    assert.equal(judge('SQLITE_FULL', ['wal', 'wal'], facts).outcome, 'rolled-back');
    assert.equal(judge('SQLITE_IOERR_WRITE', ['delete', 'wal'], facts).outcome, 'unknown');
  });

  test('SQLite that cannot be asked knows nothing', () => {
    for (const code of strikes) assert.equal(judge(code, null, { several: false }).outcome, 'unknown', code);
  });
});
