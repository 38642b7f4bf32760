/** Implements `safe-sqlite checkpoint`: copies the WAL into the database, once. */
import { shellWord, visible } from '../base/terminal-text';
import { lstatSync } from 'node:fs';
import { missingHint } from '../backup/place';
import { count, formatBytes, formatDuration } from '../base/figures';
import { Database } from '../database/database';
import type { Diagnosis, Finding } from '../doctor/diagnosis';
import { OrphanedJournalError } from '../errors/refusals';
import { SqliteCantOpenError, SqliteCorruptError } from '../errors/sqlite-errors';
import { suspectWal } from '../filesystem/wal-age';
import type { CheckpointResult } from '../maintenance/messages';
import { judgeSuspectAttached } from '../open/foreign-wal';
import type { Answer, Command } from './command';
import { withClock } from './progress-bar';
import { describeVerdict, lookAt, type Verdict } from './verdict';

/** A damaged database is left unchanged: its -wal may have the only good copy of a page. */
const untouched: ReadonlySet<string> = new Set([
  'damaged',
  'damaged-header',
  'not-a-database',
  'cut-off',
  'wal-damaged',
  'wal-damaged-live',
  'wal-header-damaged',
  'wal-missing',
]);

export const checkpointCommand: Command = {
  name: 'checkpoint',
  summary: 'Copy the -wal into the database, or play a left -journal back, once.',
  operands: ['<database>'],
  options: { truncate: { type: 'boolean' } },
  about: [
    'Copies the commits in the -wal into the database file. It works while programs use the database, and waits for none of them: a reader can keep it from completing, which the answer reports. In a database with a rollback journal it plays back the -journal of an interrupted transaction.',
    'It does not run on a fenced or damaged database, nor on one whose filesystem is not safe for WAL.',
  ],
  help: [['--truncate', 'also truncate the -wal; needs an instant without readers']],
  examples: ['checkpoint app.db', 'checkpoint app.db --truncate'],
  exits: [
    [0, 'everything is in the database (also when there was nothing to do)'],
    [1, 'failed or refused'],
    [3, 'not complete: blocked by a reader, a writer or another checkpoint'],
  ],
  subject: ([file]) => file,
  async run([file = ''], options, terminal) {
    const mode = options['truncate'] === true ? 'truncate' : 'passive';
    // Examined from outside first: opening it would change the journal mode of a database that has no WAL.
    const seen = await withClock(terminal, 'Looking', () => lookAt(file, terminal, true));
    const { facts, findings } = seen.diagnosis;
    if (facts.files?.preflight.kind === null && facts.files.preflight.sidecars.length === 0) throw missing(file);
    const reason = findings.find(({ code, level }) => level === 'problem' && untouched.has(code));
    if (reason !== undefined) throw leftAlone(file, reason);
    if (facts.fence === null && facts.header?.kind === 'empty' && facts.files?.preflight.sidecars.length === 0) {
      return withoutWal(file, `${visible(file)} is empty`, seen);
    }
    const isRollback = facts.fence === null && facts.header?.journalMode === 'rollback';
    if (isRollback && findings.some(({ code }) => code === 'hot-journal')) return playBack(file);
    if (isRollback) {
      return withoutWal(file, `${visible(file)} has a rollback journal`, seen);
    }
    refuseSuspectWal(file);
    const database = new Database(file, {
      fileMustExist: true,
      journalMode: 'wal',
      checkpoint: 'off',
      sentinel: 'off',
      logger: false,
    });
    let result: CheckpointResult;
    try {
      result = await database.checkpoint(mode);
    } finally {
      database.close();
    }
    const left = leftOver(seen.diagnosis);
    return {
      exit: result.complete ? 0 : 3,
      json: { ...result, left },
      text: describe(visible(file), result, left, file),
    };
  },
};

/** A service that opens such a database warns and goes on; here nothing is lost by asking first. */
function refuseSuspectWal(file: string): void {
  const suspicion = suspectWal(file);
  const warning = suspicion === null ? null : judgeSuspectAttached(suspicion, { nativeBinding: null, timeout: 5000 });
  if (warning === null) return;
  const [journal, aside] = [`${file}-wal`, shellWord(`${file}.old-wal`)];
  throw new OrphanedJournalError(
    `${journal} was not copied: nothing shows that it belongs to ${file}, which is newer.`,
    {
      hint: `If a backup was restored there, move the -wal away (\`mv ${shellWord(journal)} ${aside}\`, and remove the -shm), and restore the backup again. If nothing was put there, the -wal belongs to it: the next open by your program takes it in.`,
      details: { file, journal, problem: warning.code },
    },
  );
}

/** SQLite plays a hot -journal back at the first read of a connection that can write. */
function playBack(file: string): Answer {
  const database = new Database(file, {
    fileMustExist: true,
    journalMode: 'rollback',
    sentinel: 'off',
    logger: false,
  });
  try {
    database.pragma('schema_version');
  } finally {
    database.close();
  }
  return {
    exit: 0,
    json: { ...nothing, left: null, playedBack: true },
    text: `${visible(file)}: the -journal of an interrupted transaction was played back; no -journal is left.`,
  };
}

const nothing: CheckpointResult = {
  mode: 'passive',
  complete: true,
  busy: false,
  walFrames: 0,
  checkpointedFrames: 0,
  walBytes: 0,
  durationMs: 0,
};

/** Bytes of the -wal afterwards; `null` if there is none. */
function leftOver({ file }: Diagnosis): number | null {
  return lstatSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? null;
}

function missing(file: string): SqliteCantOpenError {
  return new SqliteCantOpenError(`There is no database at ${file}.`, 'SQLITE_CANTOPEN', {
    hint: missingHint,
    details: { file },
  });
}

function leftAlone(file: string, { what, code, action }: Finding): SqliteCorruptError {
  return new SqliteCorruptError(
    `${file} was not touched: its -wal may have the only good copy of a page.`,
    'SQLITE_CORRUPT',
    {
      ...(action === null ? {} : { hint: action }),
      details: { file, finding: code, what },
    },
  );
}

function withoutWal(file: string, why: string, seen: Verdict): Answer {
  const text = [`${why}: there is no -wal to copy.`, ...describeVerdict(file, seen)].join('\n');
  const isFine = seen.finding === null;
  return { exit: isFine ? 0 : 3, json: { ...nothing, left: null, verdict: seen.finding }, text };
}

function describe(shown: string, result: CheckpointResult, left: number | null, file: string): string {
  const { complete, walFrames, checkpointedFrames, durationMs } = result;
  if (complete) {
    const done =
      checkpointedFrames === 0
        ? 'nothing to do, everything is in the database'
        : `everything is in the database (${count(checkpointedFrames, 'frame')}, ${formatDuration(durationMs)})`;
    return `${shown}: ${done}; ${whatIsLeft(left)}.`;
  }
  return [
    `${shown}: NOT COMPLETE: ${checkpointedFrames} of ${count(walFrames, 'frame')} ${walFrames === 1 ? 'is' : 'are'} in the database (${formatDuration(durationMs)}).`,
    '  It was blocked by a reader, a writer or another checkpoint. Nothing is lost; the rest stays in the -wal.',
    `Next: npx safe-sqlite doctor ${shellWord(file)}   (names the processes)`,
  ].join('\n');
}

function whatIsLeft(left: number | null): string {
  if (left === null) return 'no -wal is left';
  return left === 0
    ? 'the -wal is empty'
    : `its -wal (${formatBytes(left)}) stays with the processes that have it open, and is overwritten from its beginning`;
}
