/**
 * A mounted filesystem whose blocks can be made to fail, so that the kernel itself loses a write.
 *
 *   SQLite -> ext4 or xfs -> loop device -> FUSE file `disk` (failfs.c) -> backing file
 *
 * A block that failfs refuses becomes an error of writeback: the kernel marks the page clean, tells the next fsync of
 * each descriptor once, and then serves the page from its cache as if it had been stored.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, whyNoMounts, whyNoType, type Lab } from '../../mounts/lab.mts';

export type DiskType = 'ext4' | 'xfs';

export interface BadDisk {
  /** The folder that the filesystem is mounted at. */
  readonly mount: string;
  /** From now on the blocks that hold this file cannot be written. The file must have its blocks already. */
  breakBlocksOf(file: string): void;
  /** All blocks can be written again. */
  heal(): void;
  /** What the kernel does by itself within half a minute: write back what is dirty; errors stay with the files. */
  writeBack(): void;
  /** What the kernel does by itself when memory is short: forget the clean pages of the file. */
  forgetCache(file: string): void;
  /** What a restart of the machine does: only what reached the disk is left. */
  remount(): void;
}

const imageBytes: Readonly<Record<DiskType, number>> = {
  ext4: 64 << 20,
  // mkfs.xfs refuses anything below 300 MB.
  xfs: 320 << 20,
};

/** `false`, or why no such disk can be made here. */
export function whyNoBadDisk(type: DiskType): false | string {
  const mounts = whyNoMounts('cc', 'pkg-config', 'fusermount3', 'losetup', 'filefrag', 'dd', `mkfs.${type}`);
  if (mounts !== false) return mounts;
  if (!existsSync('/dev/fuse')) return 'needs /dev/fuse';
  if (spawnSync('pkg-config', ['--exists', 'fuse3']).status !== 0) return 'needs libfuse3-dev';
  return whyNoType(type);
}

/** The lab takes the mounts away. */
export function makeBadDisk(lab: Lab, type: DiskType): BadDisk {
  const failfs = join(lab.root, 'failfs');
  if (!existsSync(failfs)) buildFailfs(failfs);
  const backing = lab.image(imageBytes[type], `mkfs.${type}`, '-q');
  const ranges = `${backing}.bad`;
  writeFileSync(ranges, '');
  const device = lab.folder('device');
  lab.fuse(device, failfs, backing, ranges, device, '-f', '-o', 'default_permissions');
  const mount = lab.mount('-o', 'loop', join(device, 'disk'));

  return {
    mount,
    breakBlocksOf(file) {
      const blocks = blocksOf(file);
      writeFileSync(ranges, blocks.map(({ start, length }) => `${start} ${length}\n`).join(''));
    },
    heal: () => writeFileSync(ranges, ''),
    // syncfs(2) reports the error, which is what it is called for here.
    writeBack: () => void spawnSync('sync', ['--file-system', mount]),
    // dd's way to say posix_fadvise(POSIX_FADV_DONTNEED) for a whole file.
    forgetCache: file => void run('dd', `if=${file}`, 'iflag=nocache', 'count=0', 'status=none'),
    remount() {
      run('umount', mount);
      lab.mountAt(mount, '-o', 'loop', join(device, 'disk'));
    },
  };
}

function buildFailfs(output: string): void {
  const fuse = run('pkg-config', '--cflags', '--libs', 'fuse3').trim().split(/\s+/);
  const source = join(import.meta.dirname, 'failfs.c');
  run(
    'cc',
    '-O2',
    '-std=gnu11',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-D_FILE_OFFSET_BITS=64',
    '-o',
    output,
    source,
    ...fuse,
  );
}

/** Where the bytes of a file lie on the device, in bytes: the extents that `filefrag -v` prints. */
function blocksOf(file: string): { start: number; length: number }[] {
  const text = run('filefrag', '-v', '-b1', file);
  // "   0:        0..   16383:    2097152..   2113535:  16384: last,eof"
  const extents = [...text.matchAll(/^\s*\d+:\s*\d+\.\.\s*\d+:\s*(\d+)\.\.\s*\d+:\s*(\d+):/gm)];
  if (extents.length === 0) throw new Error(`${file} has no blocks on the disk yet:\n${text}`);
  return extents.map(([, start, length]) => ({ start: Number(start), length: Number(length) }));
}
