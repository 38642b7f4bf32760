// One lane with programs of the test's own in its thread, so that the thread can be made to die.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createSharedState } from '../../dist/maintenance/shared-state.js';
import { WorkerLane } from '../../dist/maintenance/worker-lane.js';
import { folder } from './fixture.mts';

const job = { kind: 'checkpoint', file: '/a.db', identity: null, mode: 'passive', busyTimeoutMs: 0 } as const;

function outcome(lane: WorkerLane, id: number): Promise<unknown> {
  return new Promise(resolve =>
    lane.start({ id, job, control: createSharedState(), keepAlive: true, onMessage: resolve, onLost: resolve }),
  );
}

for (const [how, code] of [
  ['process.exit(3)', 3],
  [`throw new Error('broken')`, 1],
] as const) {
  test(`a thread that ends by ${how} rejects every job with a typed error, and the next job gets a new thread`, async t => {
    const program = join(folder(t), 'program.cjs');
    writeFileSync(
      program,
      `const { parentPort, threadId } = require('node:worker_threads');
       parentPort.on('message', ({ id }) => {
         if (id === 1) return;
         if (id === 2) ${how};
         parentPort.postMessage({ type: 'done', id, result: threadId });
         parentPort.close();
       });`,
    );
    const lane = new WorkerLane(() => new Worker(program));
    const lost = await Promise.all([outcome(lane, 1), outcome(lane, 2)]);
    for (const error of lost as (Error & { code: string; details: { exitCode: number; file: string } })[]) {
      assert.equal(error.code, 'SAFE_SQLITE_MAINTENANCE_FAILED');
      assert.deepEqual([error.details.exitCode, error.details.file], [code, '/a.db']);
      assert.equal(error.cause instanceof Error, code === 1);
    }
    const next = (await outcome(lane, 3)) as { type: string };
    assert.equal(next.type, 'done');
  });
}

test('a thread whose program is missing rejects its job', async t => {
  const error = (await outcome(new WorkerLane(() => new Worker(join(folder(t), 'none.cjs'))), 1)) as Error & {
    code: string;
  };
  assert.equal(error.code, 'SAFE_SQLITE_MAINTENANCE_FAILED');
});
