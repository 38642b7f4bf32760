/** Decides whether SQLite may check the pages now, and judges the result. Pure. */
import { integrityLines } from '../../base/integrity-lines';
import { fileCommands } from '../../base/file-commands';
import { shellWord } from '../../base/terminal-text';
import { danglingRows, formatDuration, violatingRows } from '../../base/figures';
import type { VerifyReport } from '../../backup/verify';
import type { DoctorFacts } from '../facts';
import type { Finding } from '../diagnosis';
import { finding } from './finding';
import { salvageCommands } from './salvage';
import { isHeld, isReadable, type CheckInput } from './subject';

/** Problems listed in the report; JSON has them all. */
const shown = 5;
/** A database of this size is checked within about a second, in bytes: 300 MB/s and more on a current disk. */
export const smallBytes = 256_000_000;

/** Names in "Not checked" what a check cannot do without the functions, collations and modules of the application. */
export const leftOut = 'what needs functions of the application (integrity)';

/** A second connection would hide the missing locks, and truncate the -shm under the process. */
const withoutLocks: ReadonlySet<string> = new Set(['locks-lost', 'deleted-file-in-use', 'plain-descriptor']);

/** Returns `null`, or why SQLite must not open the file for a check. */
export function whyNotChecked(input: CheckInput, findings: readonly Finding[]): string | null {
  if (findings.some(({ code }) => withoutLocks.has(code))) {
    return 'a process has it open without its locks, and another connection could harm it';
  }
  const { header, journals, ground, files } = input.facts;
  if (header === undefined || header === null || journals === undefined || files === undefined) {
    return 'the files could not be examined first';
  }
  if (header.kind !== 'database') return 'it is not a database';
  if (!isReadable(input)) return header.damage === null ? 'its end is missing' : 'its header is damaged';
  if (ground?.verdict === 'refuse')
    return 'SQLite is not safe on this filesystem: copy it with its -wal to a local disk and check the copy';
  if (journals.rollback?.kind === 'header') {
    return 'a -journal is beside it, and a check could not read the database without playing it back';
  }
  return whyNotWal(input, journals);
}

function whyNotWal(input: CheckInput, { wal, index }: DoctorFacts['journals']): string | null {
  if (wal !== null && wal.fileBytes > 0 && !wal.headerValid) return 'its -wal is damaged';
  if ((wal?.unreachableCommits ?? 0) > 0) return 'its -wal is damaged: copy both aside first';
  // A check by SQLite rebuilds the -shm, whose count is the only trace of the missing frames.
  const counted = index === null || !index.consistent ? 0 : index.frames - index.copiedFrames;
  return counted > 0 && !isHeld(input) && (wal?.validFrames ?? 0) < (index?.frames ?? 0)
    ? 'a part of its -wal is missing: copy everything aside first'
    : null;
}

/** Returns `null`, or why the pages are checked only on request. */
export function whyNotUnasked(input: CheckInput, findings: readonly Finding[]): string | null {
  const why = whyNotChecked(input, findings);
  if (why !== null) return why;
  const { header, journals, fence } = input.facts;
  // After a fault the storage's answers cannot be trusted, and reading leaves pages in memory.
  if (fence === undefined) return 'the fence marker could not be read first';
  if (fence !== null) return 'not without --full, because it is fenced';
  const { wal, index } = journals ?? {};
  // A read-only connection creates the missing one, and leaves it there.
  if (header?.journalMode === 'wal' && (wal === null) !== (index === null) && !isHeld(input)) {
    return `not without --full, because it has a ${wal === null ? '-shm without a -wal' : '-wal without a -shm'}`;
  }
  const problem = findings.find(({ level, topic }) => level === 'problem' && topic !== 'backups');
  if (problem !== undefined) return `not without --full, because of the problem above (${problem.code})`;
  const bytes = (header?.fileBytes ?? 0) + (journals?.wal?.fileBytes ?? 0);
  return bytes > smallBytes ? 'not without --full, because it is large' : null;
}

export function judgeIntegrity(
  input: Pick<CheckInput, 'file' | 'facts'>,
  { ok, level, checked, unchecked, problems, durationMs, ...counted }: VerifyReport,
): Finding {
  const check = level === 'full' ? 'integrity_check' : 'quick_check';
  if (ok) {
    const made = checked === 'partial' ? 'A check table by table' : checked === 'quick' ? 'quick_check' : check;
    const gap = unchecked.length > 0 ? ' Some of it needs functions of the application and was left out.' : '';
    const [references, checks] = [counted.foreignKeyViolations ?? 0, counted.checkViolations ?? 0];
    const rows = `${references > 0 ? `; ${danglingRows(references)}` : ''}${checks > 0 ? `; ${violatingRows(checks)}` : ''}`;
    return finding(
      'ok',
      'sound',
      `${made} read ${checked === 'partial' ? 'every row' : 'every page'} and found nothing wrong (${formatDuration(durationMs)})${rows}.${gap}`,
    );
  }
  const list = integrityLines(problems).filter(problem => !/^\*+ in database/.test(problem));
  const more = list.length > shown ? ` and ${list.length - shown} more` : '';
  const commands = salvageCommands(input);
  const advice = input.facts.journals?.walSuspected === true ? underOldWal(input.file, commands) : damage(commands);
  return finding('problem', 'damaged', `${check} found damage: ${list.slice(0, shown).join('; ')}${more}.`, advice);
}

type Advice = Required<Parameters<typeof finding>[3]>;

function damage(commands: readonly string[]): Advice {
  return {
    why: 'The stored data is not what was written: a disk, a copy, a second SQLite, or a bug.',
    action: 'Stop the program, copy database and -wal aside, restore the newest verified backup, and compare the two.',
    commands,
  };
}

/** SQLite reads the database through its -wal; pages from the -wal of another database do not fit it. */
function underOldWal(file: string, commands: readonly string[]): Advice {
  return {
    why: 'The -wal is older than the database: it may belong to an earlier database of this name, and its pages do not fit this one.',
    action:
      'Start no program on it. Copy everything aside, move the -wal and the -shm away, and check the database without them. Restore the newest backup only if that check finds damage too.',
    commands: [
      // The last one restores a backup.
      ...commands.slice(0, -1),
      ...fileCommands.move([`${file}-wal`, `${file}-shm`], '<other storage>'),
      `npx safe-sqlite verify ${shellWord(file)} --full`,
    ],
  };
}
