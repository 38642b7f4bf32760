// Real power cuts of ext4 and xfs under several processes: every acknowledged commit must be there afterwards.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freshSeed } from '../faults/random.mts';
import { createLab, whyNoMounts, whyNoType } from '../mounts/lab.mts';
import { whyNoCompiler } from '../support/compile-c.mts';
import type { Load, RoundResult } from './cuts/round.mts';
import { playSeries } from './cuts/series.mts';
import { filesystems, shutdownGround, type FilesystemName } from './cuts/shutdown-ground.mts';

const seed = freshSeed();
const skipFor = (type: FilesystemName): string | false =>
  whyNoMounts('losetup', filesystems[type].mkfs[0]) || whyNoType(type) || (whyNoCompiler() ?? false);

const ours: Load = { subject: 'ours', settings: { journal: 'wal' }, processes: 3, commits: 120 };

async function cut(type: FilesystemName, load: Load, rounds: number): Promise<readonly RoundResult[]> {
  using lab = createLab();
  const ground = shutdownGround(lab, type);
  try {
    return await playSeries(ground, { load, rounds, seed });
  } finally {
    await ground.end();
  }
}

for (const type of Object.keys(filesystems) as FilesystemName[]) {
  describe(`power cuts of ${type}`, { skip: skipFor(type) }, () => {
    test('no acknowledged commit is lost, none is half there, both openings agree', async t => {
      const results = await cut(type, ours, 4);
      const acknowledged = results.reduce((sum, result) => sum + result.acknowledged, 0);
      t.diagnostic(`${results.length} cuts, ${acknowledged} acknowledged transactions, seed ${seed}`);
      assert.deepEqual(
        results.flatMap(({ failures }) => failures),
        [],
        'nothing failed before the cut',
      );
      assert.deepEqual(
        results.flatMap(({ broken }) => broken),
        [],
        `seed ${seed}`,
      );
      assert.ok(acknowledged > results.length, `only ${acknowledged} transactions`);
    });

    test('the same with rollback journals', async () => {
      const results = await cut(type, { ...ours, settings: { journal: 'delete' } }, 1);
      assert.deepEqual(
        results.flatMap(({ failures, broken }) => [...failures, ...broken]),
        [],
        `seed ${seed}`,
      );
    });

    test('the same cuts take acknowledged commits from better-sqlite3 in WAL mode as it comes (NORMAL)', async () => {
      const settings = { journal: 'wal', synchronous: 'NORMAL', autocheckpoint: 1000 } as const;
      const results = await cut(
        type,
        { subject: 'raw', settings, processes: 1, commits: 40, atRest: true, only: ['commit'] },
        1,
      );
      assertLost(results);
    });
  });
}

test(
  'ext4 takes the last acknowledged commit from better-sqlite3 as it comes (DELETE, FULL)',
  { skip: skipFor('ext4') },
  async () => {
    const settings = { journal: 'delete', synchronous: 'FULL' } as const;
    const load: Load = { subject: 'raw', settings, processes: 1, commits: 20, atRest: true, only: ['commit'] };
    // ext4 writes its journal every five seconds by itself, and may happen to do so right before a cut.
    assertLost(await cut('ext4', load, 3));
  },
);

function assertLost(results: readonly RoundResult[]): void {
  const lost = results
    .flatMap(({ broken }) => broken)
    .flatMap(({ faults }) => faults.filter(fault => fault.endsWith('is lost')));
  assert.ok(lost.length > 0, JSON.stringify(results));
}
