/** Writes that wait when the fence falls reject at once. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';

const skip = faultsSkip();

test(
  'two batches, and the COMMIT of the first fails: the writes of the second reject as fenced',
  { skip },
  async () => {
    using bench = createFaultBench();
    const child = bench.start(join(import.meta.dirname, 'queued-writes.scenario.mts'));
    await child.ask('open');
    bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*/app.db-wal', count: 'all', action: { fail: 'EIO' } });
    const ends = await child.ask<{ code: string; afterMs: number }[]>('twoBatches');
    assert.deepEqual(
      ends.map(({ code }) => code),
      ['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_FSYNC', 'SAFE_SQLITE_FENCED', 'SAFE_SQLITE_FENCED'],
    );
  },
);
