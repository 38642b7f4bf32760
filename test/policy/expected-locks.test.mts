import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeldLock } from '../../dist/proc/locks.js';
import { expectedLocks, missingLocks, type TransactionState } from '../../dist/policy/expected-locks.js';

const shared: HeldLock = { kind: 'read', start: 1073741826, end: 1073742335 };
const reserved: HeldLock = { kind: 'write', start: 1073741825, end: 1073741825 };
const exclusive: HeldLock = { kind: 'write', start: 1073741824, end: 1073742335 };
const dms: HeldLock = { kind: 'read', start: 128, end: 128 };
const writer: HeldLock = { kind: 'write', start: 120, end: 120 };
const mark: HeldLock = { kind: 'read', start: 124, end: 124 };

/** Tests the locks of each state on the database and on the -shm, as measured, and what is missing then. */
const rows: [mode: string, state: TransactionState, database: HeldLock[], index: HeldLock[], missing: string[]][] = [
  ['wal', 'none', [shared], [dms], []],
  ['wal', 'open', [shared], [mark, dms], []],
  ['wal', 'writing', [shared], [writer, mark, dms], []],
  ['wal', 'none', [exclusive], [dms], []],
  ['wal', 'none', [], [dms], ['SHARED']],
  ['wal', 'open', [shared], [], ['DMS']],
  ['wal', 'writing', [shared], [mark, dms], ['WAL_WRITE']],
  ['wal', 'writing', [], [], ['SHARED', 'DMS', 'WAL_WRITE']],
  ['delete', 'none', [], [], []],
  ['delete', 'open', [], [], []],
  ['delete', 'open', [shared], [], []],
  ['delete', 'writing', [shared, reserved], [], []],
  ['delete', 'writing', [exclusive], [], []],
  ['delete', 'writing', [shared], [], ['RESERVED']],
  ['truncate', 'writing', [], [], ['SHARED', 'RESERVED']],
  // A read lock is not the write lock.
  ['wal', 'writing', [shared], [{ ...writer, kind: 'read' }, dms], ['WAL_WRITE']],
  ['delete', 'writing', [shared, { ...reserved, kind: 'read' }], [], ['RESERVED']],
  // A lock over a part of the range is not the lock.
  ['wal', 'none', [{ ...shared, end: shared.end - 1 }], [dms], ['SHARED']],
];

for (const [mode, state, database, index, missing] of rows) {
  test(`${mode}, transaction ${state}: missing ${missing.join(', ') || 'nothing'}`, () => {
    const expected = expectedLocks(mode, state);
    const found = [...missingLocks(expected.database, database), ...missingLocks(expected.sharedMemory, index)];
    assert.deepEqual(
      found.map(({ name }) => name),
      missing,
    );
    assert.notEqual(expected.reason, '');
  });
}
