// Real power cuts under several processes: every acknowledged commit must be there afterwards, on every disk that may be left.
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { freshSeed } from '../faults/random.mts';
import { createLab, run } from '../mounts/lab.mts';
import type { Ground } from './cuts/ground.mts';
import { makeGround, whyNoGround, type GroundName } from './cuts/grounds.mts';
import type { Load, RoundResult } from './cuts/round.mts';
import { playSeries } from './cuts/series.mts';

const seed = freshSeed();

async function on<Result>(name: GroundName, use: (ground: Ground) => Promise<Result>): Promise<Result> {
  using lab = createLab();
  const ground = await makeGround(name, lab);
  try {
    return await use(ground);
  } finally {
    await ground.end();
  }
}

const cut = (name: GroundName, load: Load, rounds: number): Promise<readonly RoundResult[]> =>
  on(name, ground => playSeries(ground, { load, rounds, seed }));

const ours: Load = { subject: 'ours', settings: { journal: 'wal' }, processes: 3, commits: 120 };
const command = (name: GroundName): string => `node test/power/power-cuts.mts --ground ${name} --seed ${seed}`;

/** Rounds on each ground: what fits into a minute together. */
const grounds: Readonly<Partial<Record<GroundName, number>>> = {
  'ext4-shutdown': 3,
  'xfs-shutdown': 2,
  'ext4-device': 2,
  'xfs-device': 1,
};

for (const [name, rounds] of Object.entries(grounds) as [GroundName, number][]) {
  describe(`power cuts, ${name}`, { skip: whyNoGround(name) }, () => {
    test('no acknowledged commit is lost, none is half there, both openings agree', async t => {
      const results = await cut(name, ours, rounds);
      const acknowledged = results.reduce((sum, result) => sum + result.acknowledged, 0);
      const outcomes = results.reduce((sum, result) => sum + result.outcomes, 0);
      t.diagnostic(`${rounds} cuts, ${outcomes} disks, ${acknowledged} acknowledged transactions`);
      assert.deepEqual(
        results.flatMap(({ failures }) => failures),
        [],
        'nothing failed before the cut',
      );
      assert.deepEqual(
        results.flatMap(({ broken }) => broken),
        [],
        command(name),
      );
      assert.ok(acknowledged > rounds, `only ${acknowledged} transactions`);
    });

    test('the same with rollback journals', async () => {
      const results = await cut(name, { ...ours, settings: { journal: 'delete' } }, 1);
      assert.deepEqual(
        results.flatMap(({ failures, broken }) => [...failures, ...broken]),
        [],
        command(name),
      );
    });

    test('better-sqlite3 in WAL mode as it comes (NORMAL) loses acknowledged commits', async () => {
      const settings = { journal: 'wal', synchronous: 'NORMAL', autocheckpoint: 1000 } as const;
      const load: Load = { subject: 'raw', settings, processes: 1, commits: 40, atRest: true, only: ['commit'] };
      assertLost(await cut(name, load, 1));
    });
  });
}

test(
  'ext4 takes the last acknowledged commit from better-sqlite3 as it comes (DELETE, FULL)',
  { skip: whyNoGround('ext4-shutdown') },
  async () => {
    const settings = { journal: 'delete', synchronous: 'FULL' } as const;
    const load: Load = { subject: 'raw', settings, processes: 1, commits: 20, atRest: true, only: ['commit'] };
    // ext4 writes its journal every five seconds by itself, and may happen to do so right before a cut.
    assertLost(await cut('ext4-shutdown', load, 3));
  },
);

test('the disk of our own gives back what was synced to it', { skip: whyNoGround('ext4-device') }, async () => {
  await on('ext4-device', async ground => {
    const names = ['a', 'b', 'c', 'd'];
    const contents = names.map(() => randomFillSync(Buffer.alloc(4 << 20)));
    // Several at once: a stack that mixes concurrent writes up looks like a database that loses them.
    names.forEach((name, index) => writeFileSync(join(ground.folder, name), contents[index] ?? ''));
    const copies = names.map(name => `cp ${name} ${name}.copy &`).join(' ');
    run('sh', '-c', `cd ${ground.folder} || exit 1; ${copies} wait; sync --file-system .`);
    await ground.cut();
    let disks = 0;
    await ground.comeBack(seed, folder => {
      disks += 1;
      for (const [index, name] of names.entries())
        for (const file of [name, `${name}.copy`])
          assert.ok(contents[index]?.equals(readFileSync(join(folder, file))), `${file} differs`);
    });
    assert.equal(disks, 4);
  });
});

function assertLost(results: readonly RoundResult[]): void {
  const faults = results.flatMap(({ broken }) => broken).flatMap(fault => fault.faults);
  assert.ok(
    faults.some(fault => fault.endsWith('is lost')),
    JSON.stringify(results),
  );
}
