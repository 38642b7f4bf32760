// The test files that `npm run test:windows` runs on node.exe under Wine, and why the others are not among them.
import { globSync } from 'node:fs';

/** What says nothing about Windows under Wine, by the beginning of its path. */
export const notOnWindows = {
  'test/consumers/': 'installs packages and runs bundlers on Linux',
  'test/contract/': 'compares pages with code: the same on each system',
  'test/docs/': 'runs the examples of pages in shells and child processes of Linux',
  'test/examples/': 'drives servers with signals',
  'test/faults/': 'a shim in front of libc makes the faults',
  'test/filesystem/linux/': 'parses what the kernel of Linux prints',
  'test/kills/': 'kills at system calls of Linux',
  'test/mounts/': 'mounts filesystems of Linux',
  'test/mutants/': 'counts mutants',
  'test/power/': 'cuts the power of block devices of Linux',
  'test/proc/': 'reads /proc',
  'test/security/': 'needs several users, and links that Wine only imitates',
  'test/sentinel/': 'looks at locks and descriptors through /proc',
  'test/soak/': 'takes minutes on Linux already',
  'test/writes/storage-faults.test.mts': 'the same shim',
  'test/checkpoint/syncs.test.mts': 'counts the syncs with the same shim',
  'test/maintenance/jobs/sync-database.test.mts': 'the same',
  'test/fence/': 'the same',
  'test/sql/texts.test.mts':
    'names files by symbolic links, which Wine imitates; the texts are the same on each system',
  'test/cli/states.test.mts': 'puts databases into states by mounts, users and signals of Linux',
  'test/cli/terminal.test.mts': 'types into tmux',
};

/** What CI runs each time, in under two minutes: each service once, the drop-in, the process guard, the names. */
const shortList = [
  'test/connection/set-pragmas.test.mts',
  'test/drop-in/statements.test.mts',
  'test/filesystem/windows/each-service.test.mts',
  'test/filesystem/windows/names.test.mts',
  'test/filesystem/windows/path.test.mts',
  'test/process-guard/by-default.test.mts',
];

export function windowsTests({ short }) {
  if (short) return shortList;
  const left = Object.keys(notOnWindows);
  const files = globSync('test/**/*.test.mts').map(file => file.replaceAll('\\', '/'));
  return files.filter(file => !left.some(start => file.startsWith(start))).toSorted();
}
