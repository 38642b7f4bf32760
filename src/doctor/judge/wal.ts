/** Judges the `-wal`: its pending frames, and whether it is still readable. Pure. */
import { fileCommands } from '../../base/file-commands';
import { shellWord } from '../../base/terminal-text';
import { basename, dirname } from 'node:path';
import { count, formatBytes } from '../../base/figures';
import type { Finding } from '../diagnosis';
import type { JournalFacts } from '../facts';
import { isHeld, seesEveryProcess, type CheckInput } from './subject';
import { finding } from './finding';
import { copyAside } from './salvage';

type Wal = NonNullable<JournalFacts['wal']>;
type WalIndex = NonNullable<JournalFacts['index']>;

/** A WAL above this size that is also larger than its database is not being checkpointed, in bytes. */
const largeWalBytes = 100_000_000;
/** SQLite's byte of the first reader slot in the -shm; four more follow. */
const firstReadLock = 123;

export function* judgeWal(input: CheckInput): Generator<Finding> {
  const { header, journals } = input.facts;
  if (header === undefined || header === null || journals === undefined) return;
  // A damaged header does not tell which journal belongs to it.
  if (header.damage !== null) return;
  const mode = header.journalMode;
  const { wal } = journals;
  if (wal === null || wal.fileBytes === 0) {
    const lost = missingFrames(input);
    if (mode === 'wal' && lost > 0) {
      yield missingWal(input, lost);
    } else if (mode === 'wal') {
      const empty = wal === null ? 'there is no -wal' : 'the -wal is empty';
      yield finding('ok', 'wal-empty', `Journal mode WAL, and ${empty}: every commit is in the database.`);
    } else if (mode === 'rollback') {
      yield finding('ok', 'rollback-mode', 'Journal mode: a rollback journal.');
    }
    return;
  }
  // Beside a missing or empty database it is an orphan, which has its own finding.
  if (header.kind !== 'database') return;
  if (!wal.headerValid) yield damagedHeader(input, wal);
  else if (isHeld(input)) yield* judgeLive(input, wal);
  else yield* judgeLeft(input, wal);
  yield* judgeSize(input, wal);
}

/**
 * Returns the frames that the index in the -shm counts and no checkpoint has copied. SQLite deletes the -shm before the
 * -wal when it closes, and clears the index before it empties the -wal: neither leaves such a -shm. A process that has
 * it open may be writing a new -wal.
 */
function missingFrames(input: CheckInput): number {
  const index = input.facts.journals?.index ?? null;
  return index === null || !index.consistent || isHeld(input) ? 0 : Math.max(0, index.frames - index.copiedFrames);
}

function missingWal(input: CheckInput, frames: number): Finding {
  const { file, facts } = input;
  const state = facts.journals?.wal === null ? 'is missing' : 'is empty';
  return finding(
    'problem',
    'wal-missing',
    `The -wal ${state}, and the -shm counts ${count(frames, 'frame')} of it that ${frames === 1 ? 'is' : 'are'} not in the database.`,
    {
      why: 'It was deleted, moved or emptied, or the database was copied without it: the commits in it are lost with the next open.',
      action: `Before anything opens the database: search for ${basename(file)}-wal (who cleaned up, moved or copied the folder?) and put it back beside it. If it cannot be found, copy the database aside and compare it with the newest backup.`,
      commands: [
        fileCommands.find(facts.ground?.mountPoint ?? dirname(file), `${basename(file)}-wal`),
        ...copyAside(input),
      ],
    },
  );
}

function damagedHeader(input: CheckInput, wal: Wal): Finding {
  const { file } = input;
  return finding(
    'problem',
    'wal-header-damaged',
    `The -wal has ${formatBytes(wal.fileBytes)}, and its header is damaged.`,
    {
      why: 'SQLite ignores such a -wal: the commits in it are lost with the next open.',
      action: `Do not open the database in any program. Copy ${file}, its -wal and its -shm aside first; then start the program, and compare with the newest backup.`,
      commands: copyAside(input),
    },
  );
}

/** The database is in use: the index in shared memory tells which frames are valid. */
function* judgeLive(input: CheckInput, wal: Wal): Generator<Finding> {
  const index = input.facts.journals?.index ?? null;
  const moving = index === null || !index.consistent || index.salts !== wal.salts;
  if (moving) {
    yield finding(
      'ok',
      'wal-live',
      `Journal mode WAL, in use and changing: the -wal has ${formatBytes(wal.fileBytes)}.`,
    );
    return;
  }
  const pending = index.frames - index.copiedFrames;
  if (wal.readInFull && wal.validFrames < index.frames) {
    yield finding(
      'problem',
      'wal-damaged-live',
      `The -wal is damaged at frame ${wal.validFrames + 1}, and the database in use counts on ${index.frames} frames.`,
      {
        why: 'A checkpoint copies frames without checking them, and a restart would lose those after the damage.',
        action:
          'Do not stop the processes that have it open, and make no checkpoint: first take a copy from inside one of them (db.backup), or with the command below.',
        commands: [`npx safe-sqlite backup ${shellWord(input.file)} <destination> --verify full`],
      },
    );
    return;
  }
  const bytes = formatBytes(pending * wal.pageSize);
  yield finding(
    'ok',
    'wal-live',
    pending === 0
      ? `Journal mode WAL, in use: all ${count(index.frames, 'frame')} of the -wal are in the database.`
      : `Journal mode WAL, in use: ${pending} of ${count(index.frames, 'frame')} of the -wal (${bytes}) are not in the database yet.`,
  );
  yield* judgeReaders(input, index);
}

/** Finds the process that blocks a checkpoint: one with the read lock of a slot whose mark is not the last frame. */
function* judgeReaders({ facts }: CheckInput, index: WalIndex): Generator<Finding> {
  for (const { pid, command, files } of facts.processes?.processes ?? []) {
    const locks = files.filter(({ role }) => role === 'shm').flatMap(file => file.locks);
    for (const [slot, mark] of index.readMarks.entries()) {
      const byte = firstReadLock + slot;
      const reads = locks.some(({ kind, start, end }) => kind === 'read' && start <= byte && byte <= end);
      if (!reads || mark === null) continue;
      // A reader of slot 0 reads the database file alone: nothing may be copied into it meanwhile (wal.c).
      const reached = slot === 0 ? index.copiedFrames : mark;
      if (reached >= index.frames) continue;
      yield finding(
        'note',
        'reader-behind',
        `Process ${pid} (${command}) reads as of frame ${reached} of ${index.frames}.`,
        {
          why: 'A checkpoint cannot go past it, and the -wal grows as long as that read transaction is open.',
          action: 'If it stays: search for an unfinished iterator or a BEGIN without an end in that process.',
        },
      );
    }
  }
}

/** The database is not in use: the next open runs recovery. */
function* judgeLeft(input: CheckInput, wal: Wal): Generator<Finding> {
  const { file, facts } = input;
  if (wal.unreachableCommits > 0) {
    yield finding(
      'problem',
      'wal-damaged',
      `The -wal is damaged at frame ${wal.validFrames + 1}: ${count(wal.unreachableCommits, 'end')} of transactions behind it have its salts and would not be recovered.`,
      {
        why: 'Either the storage lost a part of the file, or a COMMIT whose sync failed was left there. SQLite stops at the first wrong checksum and forgets the rest at the next open.',
        action:
          'Before anything opens the database: copy it with its -wal aside. That copy is the only place where the rest is. Then start the program, and compare with the newest backup.',
        commands: copyAside(input),
      },
    );
  }
  if (wal.committedFrames === 0) {
    yield finding(
      'note',
      'wal-nothing-committed',
      `The -wal was left behind with nothing committed in it (${formatBytes(wal.fileBytes)}).`,
    );
    return;
  }
  const where = wal.readInFull ? '' : ' in the part that was read';
  const isFenced = facts.fence !== null && facts.fence !== undefined;
  const isClosed = seesEveryProcess(input);
  if (facts.journals?.olderThanDatabase === true) {
    yield olderWal(file, wal);
    return;
  }
  yield finding(
    isFenced ? 'note' : 'warning',
    isClosed ? 'wal-crashed' : 'wal-not-closed',
    `The database ${isClosed ? 'was not closed' : 'is open elsewhere, or crashed, which cannot be seen from here'}: ${count(wal.committedFrames, 'committed frame')} (${formatBytes(wal.committedFrames * wal.pageSize)})${where} are in the -wal alone.`,
    {
      why: `${isClosed ? 'A process ended without closing it (killed, power cut).' : 'A process that cannot be seen from here has it open, or ended without closing it (killed, power cut).'} The next open brings these commits back; without the -wal they are lost.`,
      action: `Never delete, move or rename ${file}-wal, and never copy the database without it. Start the program as usual, or checkpoint it now.`,
      commands: isFenced ? [] : [`npx safe-sqlite checkpoint ${shellWord(file)}`],
    },
  );
}

/** A checkpoint would play it into a file that it may not belong to. */
function olderWal(file: string, wal: Wal): Finding {
  return finding(
    'warning',
    'wal-older-than-database',
    `The -wal is older than the database beside it, and holds ${count(wal.committedFrames, 'committed frame')}.`,
    {
      why: 'After a crash that follows a checkpoint this is ordinary. But where a backup was restored, or another file was put there, the -wal belongs to the old database, and SQLite would play it into the new one.',
      action: `Make no checkpoint. If a file was put there, move ${file}-wal and ${file}-shm away and keep them. Else start the program: its open compares the two before anything is copied, and refuses a -wal that does not belong there.`,
      commands: [fileCommands.list(dirname(file))],
    },
  );
}

function* judgeSize({ file, facts }: CheckInput, wal: Wal): Generator<Finding> {
  const bytes = facts.header?.fileBytes ?? 0;
  if (wal.fileBytes <= largeWalBytes || wal.fileBytes <= bytes) return;
  yield finding(
    'warning',
    'wal-large',
    `The -wal has ${formatBytes(wal.fileBytes)}, more than the database (${formatBytes(bytes)}).`,
    {
      why: 'It is not checkpointed, a reader blocks every checkpoint, or a burst made it large. Reads get slower, and the disk fills.',
      action: 'Find the read transaction that does not end; then checkpoint.',
      commands: [`npx safe-sqlite checkpoint ${shellWord(file)} --truncate`],
    },
  );
}
