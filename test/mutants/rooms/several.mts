import { inFile, type Mutant } from '../mutant.mts';

export const several: readonly Mutant[] = [
  ...inFile(
    'maintenance/killed-reader.ts',
    ['test/backup/interrupted-read.test.mts'],
    [
      [
        'empty-sidecars',
        'a -wal that holds a commit is not opened for writing',
        'if (!sidecarsAreEmpty(file)) return over();',
        '',
      ],
    ],
  ),
  ...inFile(
    'backup/place.ts',
    ['test/backup/interrupted-read.test.mts', 'test/backup/verify.test.mts', 'test/backup/backup.test.mts'],
    [
      [
        'access',
        'a database that has sidecars is only read by a check',
        "return sidecars.length > 0 ? 'read-only' : 'read-write';",
        "return 'read-write';",
      ],
    ],
  ),
  ...inFile(
    'backup/verify.ts',
    ['test/backup/interrupted-read.test.mts'],
    [
      [
        'removed-first',
        'a check that is given up rejects after what it left is removed',
        '    await ended(job);\n',
        '',
      ],
    ],
  ),
  ...inFile(
    'backup/schedule.ts',
    ['test/backup/schedule.test.mts'],
    [
      [
        'clock-read-again',
        'a backup missed in a sleep of the machine is made soon after it',
        'Math.max(0, Math.min(longest, left))',
        'Math.max(0, left)',
      ],
      [
        'early-wake',
        'a wait that reads the clock again makes no early backup',
        '(left > longest && this.#now() < at ? this.#wait(at) : this.begin())',
        'this.begin()',
        'A turn that begins early finds that no backup is due, and waits again; it costs a listing of the folder.',
      ],
      [
        'backups-gone',
        'backups that something else removed are reported',
        '    this.#tellGone(this.#own.at(-1) ?? this.#noted, found);\n',
        '',
      ],
    ],
  ),
  ...inFile(
    'open/services.ts',
    ['test/checkpoint/nothing-to-copy.test.mts', 'test/checkpoint/close.test.mts'],
    [
      [
        'close-checkpoints',
        'a close leaves the checkpoint out only where the sentinel has just seen that it has nothing to copy',
        'const isEmpty = this.#isChecked && this.sentinel?.nothingToCopy(file.file) === true;',
        'const isEmpty = true;',
      ],
    ],
  ),
  ...inFile(
    'open/services.ts',
    ['test/fence/closing.test.mts', 'test/fence/attached.test.mts', 'test/fence'],
    [
      [
        'fenced-while-closing',
        'a close during which a fence is found checkpoints no further file',
        '        if (this.#fence.isFenced) return this.#closeFenced();\n      }',
        '      }\n      if (this.#fence.isFenced) return this.#closeFenced();',
        'The fence has closed the native connection: nothing more is called on another file, as test/fence/closing shows.',
      ],
    ],
  ),
  ...inFile(
    'open/granted-access.ts',
    ['test/open/attributes.test.mts'],
    [
      [
        'read-only-descriptor',
        'a database that the system opened for reading only is refused for writing',
        'if (identity === null || !isOpenForReadingOnly(identity, newest, fd => readers.flagsOf(fd))) return;',
        'if (identity !== null) return;',
      ],
    ],
  ),
  ...inFile(
    'filesystem/access-list.ts',
    ['test/security/access.test.mts', 'test/base/clock.test.mts'],
    [
      [
        'fake-timers',
        'beside fake timers no backup waits for the output of `ls`',
        'if (isNextTickReplaced()) return Promise.resolve(accessListNow(path));',
        '',
      ],
      [
        'mask',
        'a copy of a file with an access list gives its group nothing',
        'if (lists.source === true) return mode & 0o700;',
        '',
      ],
    ],
  ),
  ...inFile(
    'base/terminal-text.ts',
    ['test/base/windows-words.test.mts', 'test/security/terminal.test.mts'],
    [
      [
        'windows-expansion',
        'a name with a variable in it is no variable on Windows',
        'if (/[%$`"]/.test(word)) return',
        'if (/["]/.test(word)) return',
      ],
      [
        'windows-option',
        'a name that begins with a hyphen is no option on Windows',
        "name.startsWith('-') ? `.\\\\${name}` : name;",
        'name;',
      ],
      [
        'shell-option',
        'a name that begins with a hyphen is no option',
        "name.startsWith('-') ? `./${name}` : name;",
        'name;',
      ],
    ],
  ),
  ...inFile(
    'doctor/judge/file.ts',
    ['test/doctor/diagnose.test.mts'],
    [
      [
        'not-readable',
        'the doctor says which file this user may not read',
        '  if (unreadable.length > 0) {\n    yield finding(',
        '  if (unreadable.length < 0) {\n    yield finding(',
      ],
    ],
  ),
  ...inFile(
    'sentinel/frame-contents.ts',
    ['test/sentinel/frame-contents.test.mts'],
    [
      [
        'checksum',
        'the content of a frame is compared with its checksum',
        'frameChecksum(this.#frame, before, bigEndian)',
        'storedChecksum(this.#frame, 16)',
      ],
      [
        'sample',
        'frames are sampled and verified',
        'this.#sample(index, read) ?? this.#firstWrong(index, read, withinMs)',
        'this.#sample(index, read)',
      ],
      [
        'again',
        'a `-wal` that was touched is verified again',
        'if (!isSame) this.#left = frames;',
        'if (salts !== this.#salts) this.#left = frames;',
      ],
    ],
  ),
  ...inFile(
    'sentinel/content-checks.ts',
    ['test/sentinel/restarted-wal.test.mts'],
    [
      [
        'carry-over',
        'what is remembered of the pages outlives a new round of the WAL',
        'if (followed && !mayBeCopying(before)) this.#ledger.carryOver(before);',
        '',
      ],
    ],
  ),
];
