/** The tests of one ground, for the files that name the grounds: each cuts as often as fits into half a minute. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freshSeed } from '../../faults/random.mts';
import { createLab } from '../../mounts/lab.mts';
import type { Ground } from './ground.mts';
import { makeGround, whyNoGround, type GroundName } from './grounds.mts';
import type { Load, RoundResult } from './round.mts';
import { playSeries } from './series.mts';

export const seed = freshSeed();

export async function on<Result>(name: GroundName, use: (ground: Ground) => Promise<Result>): Promise<Result> {
  using lab = createLab();
  const ground = await makeGround(name, lab);
  try {
    return await use(ground);
  } finally {
    await ground.end();
  }
}

export function cut(name: GroundName, load: Load, rounds: number): Promise<readonly RoundResult[]> {
  return on(name, ground => playSeries(ground, { load, rounds, seed }));
}

const ours: Load = { subject: 'ours', settings: { journal: 'wal' }, processes: 3, commits: 120 };
const command = (name: GroundName): string => `node test/power/power-cuts.mts --ground ${name} --seed ${seed}`;

export function testGround(name: GroundName, rounds: number): void {
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

export function assertLost(results: readonly RoundResult[]): void {
  const faults = results.flatMap(({ broken }) => broken).flatMap(fault => fault.faults);
  assert.ok(
    faults.some(fault => fault.endsWith('is lost')),
    JSON.stringify(results),
  );
}
