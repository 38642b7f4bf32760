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
  {
    id: 'filesystem/super-journal-elsewhere',
    promise: 'a journal whose super-journal stands beside the database is not dropped',
    file: 'filesystem/super-journal.ts',
    find: "  if (isBeside) return 'elsewhere';\n",
    replace: '',
    tests: ['test/open/super-journal.test.mts'],
  },
  {
    id: 'filesystem/super-journal-unreadable',
    promise: 'a super-journal that cannot be looked for is not taken for a deleted one',
    file: 'filesystem/super-journal.ts',
    find: "  if (seen !== 'missing') return 'unreadable';\n",
    replace: '',
    tests: ['test/open/super-journal.test.mts'],
  },
  {
    id: 'filesystem/super-journal-wait',
    promise: 'a commit that is going on in another container is waited for',
    file: 'filesystem/super-journal.ts',
    find: 'found === null || performance.now() >= end',
    replace: 'true',
    tests: ['test/open/super-journal.test.mts'],
  },
  {
    id: 'filesystem/super-journal-refused',
    promise: 'an open refuses a journal that SQLite would drop',
    file: 'policy/preflight.ts',
    find: '  superJournalIsFound,\n',
    replace: '',
    tests: ['test/open/super-journal.test.mts'],
  },
];
