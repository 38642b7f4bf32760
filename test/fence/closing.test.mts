/** A close whose checkpoint of the first file fails: the connection is fenced, and no other file is touched any more. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import Native from 'better-sqlite3';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';
import type { Closed } from './closing.scenario.mts';

const program = join(import.meta.dirname, 'closing.scenario.mts');

test(
  'the attached file keeps its -wal, and close() throws the error of the checkpoint',
  { skip: faultsSkip() },
  async () => {
    using bench = createFaultBench({ log: true });
    const child = bench.start(program);
    await child.ask('open');
    bench.faults.arm(
      { calls: ['fsync', 'fdatasync'], path: '*/app.db', action: { fail: 'EIO' } },
      {
        calls: ['write', 'fsync', 'fdatasync', 'truncate', 'unlink'],
        path: '*/other.db*',
        count: 'all',
        action: 'count',
      },
    );
    const closed = await child.ask<Closed>('close');
    assert.deepEqual({ thrown: closed.thrown, fenced: closed.fenced }, { thrown: 'SQLITE_IOERR_FSYNC', fenced: 1 });
    assert.ok(closed.left > 0);
    assert.equal(bench.faults.counters()[1]?.seen, 0);
    child.kill();
    await child.ended;
    const other = new Native(join(bench.folder, 'other.db'));
    assert.deepEqual(other.prepare('SELECT a FROM t').pluck().all(), [1]);
    other.close();
  },
);
