// Real power cuts under several processes: every acknowledged commit must be there when the kernel mounts the filesystem again.
import { test } from 'node:test';
import { whyNoGround } from './cuts/grounds.mts';
import type { Load } from './cuts/round.mts';
import { assertLost, cut, testGround } from './cuts/test-ground.mts';

testGround('ext4-shutdown', 3);
testGround('xfs-shutdown', 2);

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
