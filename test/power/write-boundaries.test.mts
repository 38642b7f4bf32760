// A power cut between any two writes: every script is recorded, and what a disk may hold at each moment is judged.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freshSeed } from '../faults/random.mts';
import { whyNoCompiler } from '../support/compile-c.mts';
import type { Cast } from './boundaries/cast.mts';
import type { ExploreOptions } from './boundaries/explore.mts';
import { tryScript, type Verdict } from './boundaries/run.mts';
import { scripts } from './boundaries/scripts.mts';

const skip = whyNoCompiler() ?? false;
const seed = freshSeed();
/** States of one script: all scripts together take about a minute. */
const options: ExploreOptions = { seed, budget: 350, oursEvery: 10 };
/** Enough to see what is lost everywhere. */
const forEvidence: ExploreOptions = { seed, budget: 100, oursEvery: Infinity };

function lostIn({ broken }: Verdict): number {
  return broken.filter(({ faults }) => faults.some(fault => fault.includes('is lost'))).length;
}

describe('a power cut at every write boundary', { skip }, () => {
  for (const { name, title } of scripts) {
    test(`${title} (${name}): nothing acknowledged is lost, nothing is half there`, async t => {
      const verdict = await tryScript({ script: name, subject: 'ours' }, options);
      t.diagnostic(
        `${verdict.judged} of ${verdict.different} states, ${verdict.judgedByOurs} also opened with safe-sqlite`,
      );
      assert.deepEqual(verdict.notRecorded, [], 'the recorder saw every change');
      assert.deepEqual(verdict.broken.slice(0, 3), [], `seed ${seed}; repeat with: ${verdict.command}`);
      assert.ok(verdict.judged > 300, `only ${verdict.judged} states`);
    });
  }
});

describe('the same bench sees a loss', { skip }, () => {
  const evidence = async (cast: Cast, more: Partial<ExploreOptions> = {}): Promise<Verdict> =>
    tryScript(cast, { ...forEvidence, ...more });

  test('better-sqlite3 in WAL mode as it comes (NORMAL) loses acknowledged commits', async () => {
    const verdict = await evidence({ script: 'recover-wal', subject: 'raw', synchronous: 'NORMAL' });
    assert.ok(lostIn(verdict) > 0, JSON.stringify(verdict));
  });

  test('better-sqlite3 as it comes (DELETE, FULL) loses the last acknowledged commit', async () => {
    const verdict = await evidence({ script: 'recover-rollback', subject: 'raw', synchronous: 'FULL' });
    assert.ok(lostIn(verdict) > 0, JSON.stringify(verdict));
  });

  test('on a disk that answers a sync and does nothing, databases are destroyed', async () => {
    const verdict = await evidence({ script: 'recover-rollback', subject: 'ours' }, { lyingDisk: true });
    const destroyed = verdict.broken.filter(({ faults }) =>
      faults.some(fault => /integrity|cannot be read/.test(fault)),
    );
    assert.ok(destroyed.length > 0, JSON.stringify(verdict));
  });
});
