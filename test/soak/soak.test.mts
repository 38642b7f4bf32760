// A short soak under every weather; soak.mts goes on for hours.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freshSeed } from '../faults/random.mts';
import { faultsSkip } from '../support/fault-shim.mts';
import { soak } from './run.mts';

describe('a soak', { skip: faultsSkip() }, () => {
  test('no acknowledged commit is lost, no alarm is false, nothing grows', async t => {
    const seed = freshSeed();
    const { faults, growth, transactions, ...sums } = await soak({ minutes: 1.1, seed });
    t.diagnostic(JSON.stringify({ ...transactions, ...sums, judged: growth.length }));
    assert.deepEqual(faults, [], `again with: node test/soak/soak.mts --minutes 1.1 --seed ${seed}`);
    assert.ok(sums.fences > 0, 'the dead disk was not met');
    assert.ok(sums.snapshots > 0 && sums.checkpoints > 0, JSON.stringify(sums));
  });
});
