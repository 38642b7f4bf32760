// A short run of kills at system calls: some calls of every script, drawn with a seed. kills.mts tries all of them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freshSeed, seeded } from '../faults/random.mts';
import { faultsSkip } from '../support/fault-shim.mts';
import { raiseStand, type Spot } from './at-call.mts';
import { killScripts } from './scripts.mts';
import { commandFor } from './series.mts';

const skip = faultsSkip();
const random = seeded(freshSeed());
/** Kills of each script. */
const spotsEach = 2;

function drawn(spots: readonly Spot[]): Spot {
  return spots[Math.floor(random() * spots.length)]!;
}

describe('SIGKILL at a system call', { skip }, () => {
  for (const { name, title } of killScripts)
    test(`${title} (${name}): nothing acknowledged is lost, nothing is half there`, async t => {
      using stand = await raiseStand(name);
      for (let each = 0; each < spotsEach; each += 1) {
        const spot = drawn(stand.spots);
        const { faults } = await stand.strike(spot);
        t.diagnostic(`${spot.strike} ${spot.nth} of ${stand.spots.length}`);
        assert.deepEqual(faults, [], `again with: ${commandFor(spot)}`);
      }
    });

  test('the bench sees a loss: a journal in memory leaves half a transaction', async () => {
    using stand = await raiseStand('life-rollback', { subject: 'raw', journal: 'memory' });
    const writes = stand.spots.filter(({ strike }) => strike === 'tear');
    const found: unknown[] = [];
    for (let each = 0; each < 30 && found.length === 0; each += 1)
      found.push(...(await stand.strike(drawn(writes))).faults);
    assert.notDeepEqual(found, []);
  });
});
