/** A checkpoint job that fails as the last connection of its file does not checkpoint again by closing. */
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';

const skip = faultsSkip();
const program = join(import.meta.dirname, 'last-connection.scenario.mts');

test(
  'raw better-sqlite3: the close behind a failed checkpoint syncs and copies once more, and says all is well',
  { skip },
  async () => {
    using bench = createFaultBench({ log: true });
    const child = bench.start(program);
    await child.ask('leaveWal');
    bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*/app.db', action: { fail: 'EIO' } });
    assert.equal(await child.ask('raw'), 'SQLITE_IOERR_FSYNC');
    assert.equal(existsSync(join(bench.folder, 'app.db-wal')), false, 'the WAL that held the lost pages is deleted');
  },
);

test('the job: one sync of the database, and the -wal stays whole', { skip }, async () => {
  using bench = createFaultBench({ log: true });
  const child = bench.start(program);
  await child.ask('leaveWal');
  const wal = join(bench.folder, 'app.db-wal');
  const before = statSync(wal).size;
  bench.faults.arm({ calls: ['fsync', 'fdatasync'], path: '*/app.db', action: { fail: 'EIO' } });
  assert.equal(await child.ask('job'), 'SQLITE_IOERR_FSYNC');
  assert.equal(statSync(wal).size, before);
  assert.equal(bench.log().filter(({ path }) => path.endsWith('/app.db')).length, 1);
});
