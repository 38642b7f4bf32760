/** A filesystem on a disk of our own with a volatile write cache, and every way in which a cut may leave that disk. */
import { once } from 'node:events';
import { join } from 'node:path';
import type { Lab } from '../../mounts/lab.mts';
import { startScenario } from '../../support/fault-shim.mts';
import { attachLoop, patiently, type Loop } from '../device/loop.mts';
import { mountAfterCrash } from '../device/mount-after-crash.mts';
import type { Outcome } from '../device/volatile-disk.mts';
import type { Ground } from './ground.mts';
import { filesystems, type FilesystemName } from './shutdown-ground.mts';

/** What is tried after each cut; the last one is the disk that the next round begins with. */
function outcomesFor(seed: number): readonly Outcome[] {
  return [
    { mode: 'none', sectorBytes: 512, seed },
    { mode: 'prefix', sectorBytes: 512, seed },
    { mode: 'subset', sectorBytes: 4096, seed },
    { mode: 'subset', sectorBytes: 512, seed },
  ];
}

const program = join(import.meta.dirname, '../device/server.scenario.mts');

/**
 *   filesystem -> loop device -> file of nbdfuse -> NBD -> our process
 *
 * The loop device has no direct I/O: together with another FUSE export that corrupted data by itself.
 */
export async function deviceGround(lab: Lab, type: FilesystemName): Promise<Ground> {
  const { bytes, mkfs } = filesystems[type];
  const image = lab.image(bytes, ...mkfs);
  const socket = join(lab.root, 'nbd.sock');
  const fuse = lab.folder('nbd');
  const folder = lab.folder('disk');
  const server = startScenario(program);
  await server.ask('listen', socket);
  await server.ask('plug', image);

  let daemon = lab.fuse(fuse, 'nbdfuse', fuse, '--unix', socket);
  let loop: Loop | null = null;
  const attach = (): void => {
    loop = attachLoop(join(fuse, 'nbd'));
    lab.mountAt(folder, loop.device);
  };
  attach();
  const detach = async (): Promise<void> => {
    if (loop === null) return;
    // The processes of jobs end a moment after the one that started them.
    await patiently(() => lab.umount(folder));
    await loop.detach();
    loop = null;
    const gone = once(daemon, 'exit');
    await patiently(() => lab.umount(fuse));
    await gone;
  };

  return {
    name: `${type}, disk with a volatile cache`,
    folder,
    async cut() {
      const { at } = await server.ask<{ at: string }>('cut');
      return { from: BigInt(at), to: BigInt(at) };
    },
    async comeBack(seed, judge) {
      await detach();
      for (const outcome of outcomesFor(seed)) {
        await server.ask('save', { image, outcome });
        const left = attachLoop(image);
        try {
          const repaired = mountAfterCrash(lab, type, folder, left.device) ? ', after fsck' : '';
          try {
            judge(folder, `${outcome.mode}, sectors of ${outcome.sectorBytes} bytes, seed ${outcome.seed}${repaired}`);
          } finally {
            await patiently(() => lab.umount(folder));
          }
        } finally {
          await left.detach();
        }
      }
      await server.ask('plug', image);
      daemon = lab.fuse(fuse, 'nbdfuse', fuse, '--unix', socket);
      attach();
    },
    async end() {
      try {
        await detach();
      } finally {
        server.kill();
      }
    },
  };
}
