// Power cuts of a disk with a volatile cache: every acknowledged commit must be there on every disk that may be left.
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../mounts/lab.mts';
import { whyNoGround } from './cuts/grounds.mts';
import { on, seed, testGround } from './cuts/test-ground.mts';

testGround('ext4-device', 2);
testGround('xfs-device', 1);

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
