/**
 * Shows why a folder that two kernels share is refused: raw better-sqlite3 writes from both at the same time, every
 * COMMIT returns without an error, and half of the rows are gone.
 *
 * Two mounts of FUSE are two kernels for SQLite: each has its own locks, its own memory maps and its own cache of the
 * same folder. The same is then done by two real kernels, this one and one under User Mode Linux.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Database, UnsafeFilesystemError } from 'safe-sqlite';
import { makeLab, whyNoMounts, whyNoType } from './lab.mts';
import { Peer } from './processes/peer.mts';
import { changeOneIndexTwice } from './processes/raw-index.mts';
import { writeRounds, type Rounds } from './processes/raw-rounds.mts';
import type { RawAnswer, RawStep } from './processes/raw-step.mts';
import { bootUml, umlMissing, type UmlRun } from './uml/boot.mts';
import type { Shared } from './uml/remote-raw.mts';
import { RemotePeer } from './uml/remote.mts';

const rounds = 25;
const modes = ['DELETE', 'WAL'] as const;

function assertHalfLost({ acknowledged, failures, found }: Rounds): void {
  assert.deepEqual(failures, [], 'nobody was told');
  assert.equal(acknowledged, 2 * rounds);
  // In every round the first commits last, from pages that it read before the second wrote.
  assert.deepEqual(found, { first: rounds, second: 0 });
}

const noFuse = whyNoMounts('bindfs') || whyNoType('fuse') || (existsSync('/dev/fuse') ? false : 'needs /dev/fuse');

describe('two FUSE mounts of one folder', { skip: noFuse }, () => {
  const lab = makeLab();
  let near = '';
  let far = '';
  let first: Peer<RawStep, RawAnswer>;
  let second: Peer<RawStep, RawAnswer>;

  before(() => {
    const source = lab.folder('source');
    [near, far] = [lab.folder('near'), lab.folder('far')];
    for (const mount of [near, far]) lab.fuse(mount, 'bindfs', '-f', source, mount);
    first = new Peer('raw.mts');
    second = new Peer('raw.mts');
  });
  after(() => {
    first.end();
    second.end();
  });

  for (const mode of modes) {
    test(`raw better-sqlite3, ${mode}: ${2 * rounds} commits acknowledged, half of the rows lost`, async () => {
      const name = `lost-${mode}.db`;
      assertHalfLost(await writeRounds([first, join(near, name)], [second, join(far, name)], mode, rounds));
    });

    test(`raw better-sqlite3, ${mode}: through one mount the second is kept out`, async () => {
      const file = join(near, `kept-${mode}.db`);
      const { acknowledged, failures, found } = await writeRounds([first, file], [second, file], mode, rounds);
      const busy = Array.from({ length: rounds }, (_, n) => `round ${n + 1}: SQLITE_BUSY at BEGIN IMMEDIATE`);
      assert.deepEqual(failures, busy);
      assert.deepEqual([acknowledged, found], [rounds, { first: rounds, second: 0 }]);
    });
  }

  test('raw better-sqlite3: two commits acknowledged, the database corrupt', async () => {
    const result = await changeOneIndexTwice([first, join(near, 'corrupt.db')], [second, join(far, 'corrupt.db')]);
    assert.deepEqual(result.failures, []);
    assert.match(result.integrity, /^row 400 missing from index i|^wrong # of entries in index i/);
  });

  test('this library refuses both mounts, and has touched neither', () => {
    const names = readdirSync(near);
    for (const mount of [near, far]) {
      const open = (): unknown => new Database(join(mount, 'ours.db'), { logger: false });
      assert.throws(open, UnsafeFilesystemError);
    }
    assert.deepEqual(readdirSync(near), names);
  });
});

describe('two kernels and one folder', { skip: umlMissing() ?? false }, () => {
  let root = '';
  let shared = '';
  let here: Peer<RawStep, RawAnswer>;
  let there: RemotePeer;
  let guest: Promise<UmlRun>;

  before(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-two-kernels-')));
    const talk = join(root, 'talk');
    shared = join(root, 'shared');
    for (const folder of [talk, shared]) mkdirSync(folder);
    const input: Shared = { talk, shared };
    guest = bootUml({ program: new URL('uml/remote-raw.mts', import.meta.url), input, deadlineSeconds: 180 });
    guest.catch(() => {
      // It is awaited in the end; a question that stays without its answer fails first.
    });
    here = new Peer('raw.mts');
    there = new RemotePeer(talk);
  });
  after(async () => {
    here.end();
    there.end();
    try {
      await guest;
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  for (const mode of modes) {
    test(`raw better-sqlite3, ${mode}: ${2 * rounds} commits acknowledged, half of the rows lost`, async () => {
      const name = `lost-${mode}.db`;
      assertHalfLost(await writeRounds([there, name], [here, join(shared, name)], mode, rounds));
    });
  }
});
