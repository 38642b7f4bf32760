/** Tests that a reader is distinguished from a commit that is just ending. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { createSharedState, requestAbort } from '../../../dist/maintenance/shared-state.js';
import { catchUp } from '../../../dist/maintenance/jobs/catch-up.js';
import { checkpoint } from '../../../dist/maintenance/jobs/checkpoint.js';
import type { CheckpointResult } from '../../../dist/maintenance/messages.js';

let folder = '';
let db: Native.Database;
let other: Native.Database;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  db = new Native(join(folder, 'a.db'));
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (a)');
  other = new Native(db.name);
  other.exec('BEGIN; SELECT * FROM t');
  db.exec('INSERT INTO t VALUES (1)');
});
afterEach(() => {
  other.close();
  db.close();
  rmSync(folder, { recursive: true });
});

/** Behind the first checkpoint `meanwhile` happens. */
function run(meanwhile: () => void, control = createSharedState()): { result: CheckpointResult; checkpoints: number } {
  let checkpoints = 0;
  const counted = (): CheckpointResult => {
    const result = checkpoint(db, { mode: 'passive' });
    checkpoints += 1;
    if (checkpoints === 1) meanwhile();
    return result;
  };
  const result = catchUp(db, { checkpoint: counted, follow: 0, database: null, control });
  return { result, checkpoints };
}

describe('a checkpoint that was kept from some frames', () => {
  test('is tried once more: it may have been a commit in its last moment', () => {
    const { result, checkpoints } = run(() => other.exec('COMMIT'));
    assert.deepEqual([result.complete, checkpoints], [true, 2]);
  });

  test('and no more: a reader stays', () => {
    const { result, checkpoints } = run(() => {});
    assert.deepEqual([result.complete, result.busy, checkpoints], [false, false, 2]);
  });

  test('not at all behind an abort', () => {
    const control = createSharedState();
    const { checkpoints } = run(() => requestAbort(control), control);
    assert.equal(checkpoints, 1);
  });
});
