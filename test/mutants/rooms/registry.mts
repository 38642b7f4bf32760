import { inFile, type Mutant } from '../mutant.mts';

export const registry: readonly Mutant[] = [
  ...inFile(
    'registry/registry.ts',
    ['test/registry', 'test/process-guard/install.test.mts', 'test/open'],
    [
      [
        'other-copy',
        'a file has one copy of SQLite in this thread',
        'if (entry !== undefined && entry.copyId !== copy.id) {',
        'if (entry !== undefined && copy.id === "") {',
      ],
      [
        'holders',
        'a file that something else has open in this process is refused',
        'if (!state.files.has(key)) refuseOthers(key, request);',
        '',
      ],
      [
        'settled-threads',
        'a new file that another thread created meanwhile is not used through two copies',
        'if (!state.files.has(settled)) refuseThreads(settled, request);',
        '',
      ],
      [
        'leave-generation',
        'the process guard forgets a file that is closed',
        '  if (entry.slot !== null) withdrawFile(entry.slot);\n  state.generation += 1;',
        '  if (entry.slot !== null) withdrawFile(entry.slot);',
      ],
      [
        'leave-slot',
        'other threads forget a file that is closed',
        '  if (entry.slot !== null) withdrawFile(entry.slot);\n  state.generation',
        '  state.generation',
      ],
      [
        'leave-last',
        'a file stays known until its last connection closes',
        '  if (entry.connections > 0) return;\n',
        '',
      ],
      ['release-once', 'a connection leaves once', '    release() {\n      if (!held) return;', '    release() {'],
      [
        'still-open',
        'the entry of a dead thread does not refuse',
        'foreign !== undefined && isStillOpen(foreign.file)',
        'foreign !== undefined',
      ],
      [
        'aliases',
        'the process guard knows the path that the file was opened by',
        'if (openedAs !== undefined && openedAs !== file) entry.aliases.add(openedAs);',
        '',
      ],
      [
        'aliases-generation',
        'another path of an open file is reported',
        ' && entry.aliases.size === known) return;',
        ') return;',
      ],
    ],
  ),
  ...inFile(
    'registry/thread-table.ts',
    ['test/registry'],
    [
      [
        'dead-thread',
        'the files of a thread that ended are withdrawn',
        "worker.once('exit', () => table.withdrawAllOf(thread));",
        'void thread;',
      ],
      [
        'own-thread',
        'the files of this thread are not those of others',
        '.filter(({ thread }) => thread !== threadId)',
        '.filter(() => true)',
      ],
    ],
  ),
  ...inFile(
    'registry/foreign-holders.ts',
    ['test/registry'],
    [
      [
        'plain-descriptor',
        'a plain descriptor on the file is refused',
        'if (plain !== undefined) return {',
        'if (plain !== undefined && plain.fd < 0) return {',
      ],
      ['own-copy', 'a connection of the same copy is welcome', 'return others.length === 0 ? null : ', 'return '],
    ],
  ),
];
