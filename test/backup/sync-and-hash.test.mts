// A copy is synced while it is written, and a failure of any of those syncs is the failure of the backup.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createFaultBench, faultsSkip, type FaultBench } from '../support/fault-shim.mts';
import { bank, names } from './fixture.mts';
import { until } from '../support/until.mts';

const program = join(import.meta.dirname, 'backup.scenario.mts');
/** Some 45 MB: several pieces. */
const accounts = 80_000;
/** The write that is held: some 24 MB are written then, which is more than one piece, and as much is still to come. */
const heldWrite = 6000;

async function start(t: Parameters<typeof bank>[0], bench: FaultBench) {
  const out = join(bench.folder, 'out');
  mkdirSync(out);
  const file = join(bench.folder, 'a.db');
  bank(t, file, 'wal', accounts).close();
  const child = bench.start(program);
  await child.ask('open', file);
  return { child, out, to: join(out, 'copy.db') };
}

describe('a copy of several pieces', { skip: faultsSkip() }, () => {
  for (const method of ['vacuum-into', 'online'] as const) {
    /*
     *     copy         writes 1 … 5999 | held ........................ | 6000 … end
     *     seal                           fsync of what is written        fsync of the rest
     */
    test(`${method}: is synced while it is written, and once more at its end`, async t => {
      using bench = createFaultBench();
      const { child, out, to } = await start(t, bench);
      const [writes, syncs] = [
        { calls: 'write', path: '*.tmp', nth: heldWrite, action: 'hold' },
        { calls: 'fsync', path: '*.tmp', action: 'count' },
      ] as const;
      bench.faults.arm(writes, syncs);
      const done = child.ask('backup', { to, options: { method } });
      await until(() => bench.faults.counters()[1]?.seen === 1, 'the file is synced');
      bench.faults.arm(syncs);
      await done;
      // SQLite itself syncs the copy that the backup API makes.
      assert.ok((bench.faults.counters()[0]?.seen ?? 0) >= (method === 'online' ? 2 : 1));
      assert.deepEqual(names(out), ['copy.db']);
    });

    test(`${method}: a piece whose sync failed is no backup, though the next sync would succeed`, async t => {
      using bench = createFaultBench();
      const { child, out, to } = await start(t, bench);
      // The kernel tells of a failed write once for each descriptor: a second sync of it would succeed. fsync(2), EIO
      bench.faults.arm(
        { calls: 'write', path: '*.tmp', nth: heldWrite, action: 'hold' },
        { calls: 'fsync', path: '*.tmp', action: { fail: 'EIO' } },
      );
      const done = child.ask('backup', { to, options: { method } });
      await until(() => bench.faults.counters()[1]?.hits === 1, 'its sync fails');
      bench.faults.heal();
      await assert.rejects(done, { code: 'SAFE_SQLITE_BACKUP_FAILED', message: /step: seal.*EIO/ });
      assert.deepEqual(names(out), []);
    });
  }
});
