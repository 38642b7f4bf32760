import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeLab, run, whyNoMounts, whyNoType } from '../../mounts/lab.mts';
import { filesystems } from '../cuts/shutdown-ground.mts';
import { attachLoop } from './loop.mts';
import { mountAfterCrash } from './mount-after-crash.mts';

const skip = whyNoMounts('losetup', 'mkfs.ext4', 'e2fsck') || whyNoType('ext4');

test('a torn superblock of ext4 is repaired, as by a boot, and the files are there', { skip }, async () => {
  const lab = makeLab();
  const { bytes, mkfs } = filesystems.ext4;
  const image = lab.image(bytes, ...mkfs);
  const target = lab.mount('-o', 'loop', image);
  writeFileSync(join(target, 'file'), 'content');
  run('sync', '--file-system', target);
  lab.umount(target);
  const loop = attachLoop(image);
  try {
    assert.equal(mountAfterCrash(lab, 'ext4', target, loop.device), false);
    lab.umount(target);
    // s_wtime, in the first of the two sectors; the checksum is in the second.
    const disk = openSync(loop.device, 'r+');
    writeSync(disk, Buffer.from([1, 2, 3, 4]), 0, 4, 1024 + 0x30);
    closeSync(disk);
    assert.throws(() => run('mount', loop.device, target));
    assert.equal(mountAfterCrash(lab, 'ext4', target, loop.device), true);
    assert.equal(readFileSync(join(target, 'file'), 'utf8'), 'content');
    lab.umount(target);
  } finally {
    await loop.detach();
  }
});
