/** Local filesystems on loop devices, each on an image in the guest's memory. */
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { run } from './command.mts';
import type { Ground } from './ground.mts';

/** nilfs2 asks for the most, a little over 128 MiB; the image is sparse. */
const imageMiB = 160;

/** Makes the filesystem and mounts it at `folder`. */
export function mountImage(folder: string, type: string, make: readonly string[]): void {
  const image = `${folder}.img`;
  writeFileSync(image, '');
  truncateSync(image, imageMiB * 2 ** 20);
  const [program, ...args] = make;
  run(program!, ...args, image);
  mkdirSync(folder);
  run('mount', '-t', type, '-o', 'loop', image, folder);
}

const made: readonly (readonly [type: string, make: readonly string[]])[] = [
  ['ext4', ['mkfs.ext4', '-q']],
  ['f2fs', ['mkfs.f2fs', '-q']],
  ['jfs', ['mkfs.jfs', '-q']],
  ['nilfs2', ['mkfs.nilfs2', '-q']],
  ['vfat', ['mkfs.vfat']],
];

export function* localGrounds(work: string): Generator<Ground> {
  for (const [type, make] of made) {
    const folder = `${work}/${type}`;
    mountImage(folder, type, make);
    yield { name: type, near: folder };
    run('umount', folder);
  }
}
