import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { createFaultBench, faultsSkip, type FaultRule } from '../support/fault-shim.mts';

// COMMIT in WAL mode first writes and syncs its frames, and then enters them in the index (walFrames in wal.c). When
// the index cannot grow, COMMIT fails and the transaction is gone for all that live, yet it stands in the WAL.
const program = join(import.meta.dirname, 'wal-index-growth.scenario.mts');

const faults: [what: string, code: string, rule: FaultRule][] = [
  [
    'a disk that is full for the -shm',
    'SQLITE_IOERR_SHMSIZE',
    { calls: 'write', path: '*/app.db-shm', count: 'all', action: { fail: 'ENOSPC' } },
  ],
  [
    'no memory to map the -shm',
    'SQLITE_IOERR_SHMMAP',
    { calls: 'mmap', path: '*/app.db-shm', count: 'all', action: { fail: 'ENOMEM' } },
  ],
];

describe('COMMIT that fails after its frames are in the WAL', { skip: faultsSkip() }, () => {
  for (const [what, code, rule] of faults) {
    for (const subject of ['raw', 'ours'] as const) {
      test(`${what}: the crash brings it back (${subject})`, async () => {
        using bench = createFaultBench();
        const child = bench.start(program);
        await child.ask('open', subject);
        assert.deepEqual(await child.ask('commit', rule), {
          code,
          inTransaction: false,
          // What no other program says: the transaction is not simply undone.
          ...(subject === 'ours' && { commitOutcome: 'unknown' }),
        });
        child.kill();
        await child.ended;

        const after = new Native(join(bench.folder, 'app.db'));
        assert.equal(after.prepare('SELECT count(*) FROM t').pluck().get(), 4200);
        after.close();
      });
    }
  }
});
