/** The fence by its table: result code and kind in, decision out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decideFence, type OperationKind } from '../../dist/policy/fence.js';
import { resultCodes } from '../../dist/errors/result-codes.js';
import type { WriteObstacle } from '../../dist/filesystem/write-obstacle.js';

const moments: readonly OperationKind[] = ['commit', 'write', 'statement', 'checkpoint', 'open', 'copy'];

/** In which moments a code fences a database in WAL mode, and in which one with a rollback journal. */
const fences: Readonly<Record<string, { wal: readonly OperationKind[]; delete: readonly OperationKind[] }>> = {
  SQLITE_IOERR_FSYNC: {
    wal: ['commit', 'write', 'statement', 'checkpoint', 'open'],
    delete: ['commit', 'write', 'statement', 'checkpoint', 'open'],
  },
  SQLITE_IOERR_DIR_FSYNC: {
    wal: ['commit', 'write', 'statement', 'checkpoint', 'open'],
    delete: ['commit', 'write', 'statement', 'checkpoint', 'open'],
  },
  ...Object.fromEntries(
    ['WRITE', 'TRUNCATE', 'SHMOPEN', 'SHMSIZE'].map(name => [
      `SQLITE_IOERR_${name}`,
      // The synced journal is played back: nothing was lost.
      { wal: ['commit', 'write', 'checkpoint'], delete: [] },
    ]),
  ),
  ...Object.fromEntries(
    ['', '_SHMMAP', '_SHMLOCK', '_FSTAT', '_SEEK', '_CLOSE', '_VNODE'].map(name => [
      `SQLITE_IOERR${name}`,
      { wal: ['commit', 'write', 'checkpoint'], delete: ['commit', 'write', 'checkpoint'] },
    ]),
  ),
  ...Object.fromEntries(
    ['IOERR_READ', 'IOERR_SHORT_READ', 'IOERR_CORRUPTFS', 'IOERR_IN_PAGE', 'IOERR_DATA', 'CORRUPT', 'NOTADB'].map(
      name => [`SQLITE_${name}`, { wal: ['commit', 'checkpoint'], delete: ['commit', 'checkpoint'] }],
    ),
  ),
};

describe('decideFence', () => {
  test('every result code of SQLite, at every kind', () => {
    for (const code of resultCodes.keys()) {
      for (const journalMode of ['wal', 'delete'] as const) {
        const fenced = moments.filter(kind => decideFence({ code, kind, journalMode, obstacle: null }).fence);
        assert.deepEqual(fenced, fences[code]?.[journalMode] ?? [], `${code} with ${journalMode}`);
      }
    }
  });

  test('what the system refuses again and again is no fence, except a sync that failed', () => {
    const obstacles: readonly WriteObstacle[] = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'];
    for (const obstacle of obstacles) {
      const decide = (code: string) => decideFence({ code, kind: 'commit', journalMode: 'wal', obstacle });
      assert.equal(decide('SQLITE_IOERR_WRITE').fence, false);
      assert.match(decide('SQLITE_IOERR_WRITE').reason, new RegExp(obstacle));
      assert.equal(decide('SQLITE_IOERR_SHMSIZE').fence, false);
      assert.equal(decide('SQLITE_IOERR_FSYNC').fence, true);
      assert.equal(decide('SQLITE_IOERR_SHMMAP').fence, true);
    }
  });

  test('every decision says why', () => {
    for (const code of resultCodes.keys()) {
      for (const kind of moments) {
        const { reason } = decideFence({ code, kind, journalMode: 'wal', obstacle: null });
        assert.ok(reason.length > 20, `${code} at ${kind}`);
      }
    }
  });
});
