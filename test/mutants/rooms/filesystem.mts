import type { Mutant } from '../mutant.mts';

const judge = ['test/filesystem/linux/judge-mount.test.mts'];

export const filesystem: readonly Mutant[] = [
  {
    id: 'filesystem/ram-disk',
    promise: 'a disk made of memory is not durable',
    file: 'filesystem/linux/judge-mount.ts',
    find: ' && block?.nonDurable !== true',
    replace: '',
    tests: judge,
  },
  {
    id: 'filesystem/unseen-major-0',
    promise: 'a mount that is not visible needs a block device as proof',
    file: 'filesystem/linux/judge-mount.ts',
    find: " || device.startsWith('0:')",
    replace: '',
    tests: judge,
  },
  {
    id: 'filesystem/dead-fuse',
    promise: 'a dead FUSE daemon does not hang the open',
    file: 'filesystem/classify.ts',
    find: " || kind === 'fuse')",
    replace: ')',
    tests: judge,
  },
];
