/** A real filesystem on a loop device, whose power the kernel itself cuts: ext4 and xfs. */
import { join } from 'node:path';
import { run, type Lab } from '../../mounts/lab.mts';
import { compileC } from '../../support/compile-c.mts';
import { patiently } from '../device/loop.mts';
import type { Ground } from './ground.mts';

export const filesystems = {
  // Small, so that it is made and mounted in no time; xfs has a least size.
  ext4: { bytes: 96 << 20, mkfs: ['mkfs.ext4', '-q', '-F'] },
  xfs: { bytes: 320 << 20, mkfs: ['mkfs.xfs', '-q', '-f'] },
} as const;

export type FilesystemName = keyof typeof filesystems;

export function shutdownGround(lab: Lab, type: FilesystemName): Ground {
  const shutdown = compileC({ sources: [join(import.meta.dirname, 'shutdown.c')] });
  const { bytes, mkfs } = filesystems[type];
  const image = lab.image(bytes, ...mkfs);
  const folder = lab.mount('-o', 'loop', image);
  return {
    name: `${type}, shutdown ioctl`,
    folder,
    cut: () => {
      const [from = '', to = ''] = run(shutdown, folder).split(' ');
      return { from: BigInt(from), to: BigInt(to) };
    },
    async comeBack(_seed, judge) {
      // The processes of jobs end a moment after the one that started them.
      await patiently(() => lab.umount(folder));
      lab.mountAt(folder, '-o', 'loop', image);
      judge(folder, 'what the filesystem had written');
    },
    end: () => patiently(() => lab.umount(folder)),
  };
}
