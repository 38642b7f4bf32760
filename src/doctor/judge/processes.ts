/** Judges the processes that have the database open: their use of it, and their locks. Pure. */
import { shellWord } from '../../base/terminal-text';
import { basename } from 'node:path';
import type { HoldingProcess, OpenFile } from '../../proc/processes';
import { expectedLocks, missingLocks } from '../../policy/expected-locks';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';

export function* judgeProcesses({ facts, file }: CheckInput): Generator<Finding> {
  const scan = facts.processes;
  const onWindows = facts.files?.openOnWindows;
  if (onWindows === true) yield finding('ok', 'open', 'A program has it open; Windows does not say which.');
  if (onWindows === false) yield finding('ok', 'not-open', 'No program has it open.');
  if (scan === undefined || scan === null) return;
  if (scan.processes.length === 0) {
    yield finding('ok', 'not-open', 'No process that can be seen from here has it open.');
  }
  for (const holder of scan.processes) {
    yield* judgeLostFiles(holder, file);
    const files = holder.files.filter(({ gone }) => !gone);
    if (!files.some(({ role }) => role === 'database')) continue;
    yield finding('ok', 'open', `${nameOf(holder)}: ${doing(files)} (locks: ${locksOf(files)}).`);
    yield* judgeWaiting(holder, files);
    yield* judgeForeign(holder, files);
    yield* judgeLocks(holder, files);
  }
}

function nameOf({ pid, command, uid }: HoldingProcess): string {
  return `Process ${pid} (${command}${uid === null ? '' : `, user ${uid}`})`;
}

/** Bytes of the -shm that a WAL connection locks (wal.c, os_unix.c), and of the database (os.h), with their names. */
const walLocks = [
  { byte: 120, name: 'WRITE' },
  { byte: 121, name: 'CHECKPOINT' },
  { byte: 122, name: 'RECOVER' },
  ...[0, 1, 2, 3, 4].map(slot => ({ byte: 123 + slot, name: `READ${slot}` })),
  { byte: 128, name: 'DMS' },
];
const pendingByte = 0x40000000;
const databaseLocks = [
  { byte: pendingByte, name: 'PENDING' },
  { byte: pendingByte + 1, name: 'RESERVED' },
  { byte: pendingByte + 2, name: 'SHARED' },
];

interface NamedLock {
  readonly name: string;
  readonly write: boolean;
}

function named(files: readonly OpenFile[]): readonly NamedLock[] {
  return files.flatMap(({ role, locks }) => {
    const table = role === 'shm' ? walLocks : role === 'database' ? databaseLocks : [];
    return locks.flatMap(({ kind, start, end }) =>
      table
        .filter(({ byte }) => start <= byte && byte <= end)
        .map(({ name }) => ({
          name: name === 'SHARED' && kind === 'write' ? 'EXCLUSIVE' : name,
          write: kind === 'write',
        })),
    );
  });
}

function locksOf(files: readonly OpenFile[]): string {
  const names = named(files).map(({ name }) => name);
  return names.length === 0 ? 'none' : [...new Set(names)].join(' ');
}

function doing(files: readonly OpenFile[]): string {
  const locks = named(files);
  const has = (name: string, write: boolean): boolean => locks.some(lock => lock.name === name && lock.write === write);
  if (has('RECOVER', true)) return 'recovers the WAL';
  if (has('WRITE', true)) return 'is in a write transaction';
  if (has('RESERVED', true) || has('EXCLUSIVE', true)) return 'is in a write transaction, or has exclusive access';
  if (has('CHECKPOINT', true)) return 'runs a checkpoint';
  const inWal = files.some(({ role }) => role === 'shm');
  const reads = inWal ? [0, 1, 2, 3, 4].some(slot => has(`READ${slot}`, false)) : has('SHARED', false);
  if (reads) return 'is in a read transaction';
  if (files.every(({ fd }) => fd === null)) return 'has it open';
  return files.some(({ role, writable }) => role === 'database' && writable)
    ? 'has it open for writing, and is idle'
    : 'has it open for reading, and is idle';
}

const held: ReadonlySet<string> = new Set(['WRITE', 'RECOVER', 'RESERVED', 'PENDING', 'EXCLUSIVE']);

/** Other programs wait for what this one holds. */
function* judgeWaiting(holder: HoldingProcess, files: readonly OpenFile[]): Generator<Finding> {
  const writes = named(files).some(({ name, write }) => write && held.has(name));
  const reads = ['is in a read transaction', 'runs a checkpoint'].includes(doing(files));
  if (holder.stopped && (writes || reads)) {
    yield finding('warning', 'stopped-holder', `${nameOf(holder)} is suspended, and ${doing(files)}.`, {
      why: writes
        ? 'Every other write waits for its lock, and fails with SQLITE_BUSY.'
        : 'No checkpoint can go past it, and the -wal grows.',
      action: 'Let it go on, or end it: what it has not committed is rolled back.',
      commands: [`kill -CONT ${holder.pid}`],
    });
  } else if (writes) {
    yield finding('note', 'writing', `${nameOf(holder)} ${doing(files)} at this moment.`, {
      why: 'Other writes wait for it; if it stays so, they fail with SQLITE_BUSY ("database is locked").',
      action: `If programs report a locked database: run the doctor again, and if it names process ${holder.pid} again, search there for a BEGIN without an end.`,
    });
  }
}

/** The file was deleted, renamed or replaced while this process had it open. */
function* judgeLostFiles(holder: HoldingProcess, file: string): Generator<Finding> {
  const lost = holder.files.filter(({ gone }) => gone);
  if (lost.length === 0) return;
  const roles = [...new Set(lost.map(({ role }) => (role === 'database' ? 'database' : `-${role}`)))];
  // A deleted -journal is a transaction that has just ended.
  if (roles.every(role => role === '-journal')) return;
  yield finding(
    'problem',
    'deleted-file-in-use',
    `${nameOf(holder)} works on a deleted or replaced ${roles.join(' and ')} of ${basename(file)}.`,
    {
      why: 'Its commits go into a file without a name, and are lost when it ends; other processes see none of them.',
      action:
        'Do not end it yet: its data exists only there. A program with this library saves a copy by itself (app.db.rescued-…, unless `sentinel` is off). Of any other one, copy the files while it is suspended for a moment, as below, or let it run `VACUUM INTO` with a new name. Check the copy, then end the program, and compare.',
      commands: copyOpenFiles(holder, file),
    },
  );
}

/** A suspended process commits nothing meanwhile: the copies belong together. */
function copyOpenFiles({ pid, files }: HoldingProcess, file: string): readonly string[] {
  const suffixes = { database: '', wal: '-wal', journal: '-journal' } as const;
  const copies = (['database', 'wal', 'journal'] as const).flatMap(role => {
    const of = files.filter(({ fd, role: each }) => each === role && fd !== null);
    // Beside a lost one, a descriptor of the file that has the name now is of no use.
    const { fd } = of.find(({ gone }) => gone) ?? of[0] ?? { fd: null };
    return fd === null
      ? []
      : [`cp /proc/${pid}/fd/${fd} <other storage>/${shellWord(`${basename(file)}${suffixes[role]}`)}`];
  });
  // One line: whoever runs only its beginning would leave the program suspended.
  return [[`kill -STOP ${pid}`, ...copies, `kill -CONT ${pid}`].join('; ')];
}

/** A program other than SQLite has the file open, or the process has several copies of SQLite. */
function* judgeForeign(holder: HoldingProcess, files: readonly OpenFile[]): Generator<Finding> {
  const plain = files.filter(({ role, opener }) => opener === 'plain' && (role === 'database' || role === 'shm'));
  const bySqlite = files.some(({ role, opener }) => opener === 'sqlite' && role === 'database');
  if (plain.length > 0 && bySqlite) {
    yield finding(
      'problem',
      'plain-descriptor',
      `${nameOf(holder)} has it open both by SQLite and otherwise (descriptor ${plain.map(({ fd }) => fd).join(', ')}).`,
      {
        why: 'When that descriptor closes, the kernel cancels all locks that the process has on the file (fcntl_locking(2)).',
        action:
          'Find what reads the file with fs or copies it, and let it use db.backup(); installProcessGuard() refuses such calls.',
      },
    );
  } else if (plain.some(({ writable }) => writable)) {
    yield finding(
      'problem',
      'written-without-sqlite',
      `${nameOf(holder)} has it open for writing, and not by SQLite.`,
      {
        why: 'Nothing keeps it from overwriting what SQLite commits.',
        action: 'Stop that process, and check the database.',
      },
    );
  } else if (plain.length > 0) {
    yield finding(
      'note',
      'read-without-sqlite',
      `${nameOf(holder)} reads it without SQLite: a backup program, a copy, a scanner.`,
      {
        why: 'A copy made while the database is in use mixes two states and lacks the -wal.',
        action: 'If it makes the backup: let `npx safe-sqlite backup` do that.',
      },
    );
  }
  if (bySqlite && holder.libraries.length > 1) {
    yield finding(
      'warning',
      'several-sqlite-copies',
      `${nameOf(holder)} has ${holder.libraries.length} copies of SQLite loaded: ${holder.libraries.join(', ')}.`,
      {
        why: 'Two copies in one process do not see the locks of each other: if both open this file, commits are lost.',
        action:
          'Make sure that only one of them opens this database (`npm ls better-sqlite3`; node:sqlite cannot be seen from here).',
      },
    );
  }
}

/** A WAL connection that has mapped the -shm has SHARED on the database and DMS on the -shm until it closes. */
function* judgeLocks(holder: HoldingProcess, files: readonly OpenFile[]): Generator<Finding> {
  const of = (wanted: OpenFile['role']): readonly OpenFile[] =>
    files.filter(({ role, opener }) => role === wanted && opener === 'sqlite');
  const [database, sharedMemory] = [of('database'), of('shm')];
  if (database.length === 0 || sharedMemory.length === 0) return;
  const expected = expectedLocks('wal', 'none');
  const missing = [
    ...missingLocks(
      expected.database,
      database.flatMap(({ locks }) => locks),
    ),
    ...missingLocks(
      expected.sharedMemory,
      sharedMemory.flatMap(({ locks }) => locks),
    ),
  ];
  if (missing.length === 0) return;
  yield finding(
    'problem',
    'locks-lost',
    `${nameOf(holder)} has the WAL open without the lock ${missing.map(({ name }) => name).join(' and ')}.`,
    {
      why: 'Something in that process closed another descriptor of the file, which cancels its locks: another process may delete the WAL under it, or write at the same time. (A connection that is just being opened or closed looks the same: check again.)',
      action:
        'If it is still so: let it run `VACUUM INTO` with a new name (a program with this library saves a copy by itself), then restart it, and find what opens the file beside SQLite.',
    },
  );
}
