/** Judges the file itself: that it exists, is a database, and has one name. Pure. */
import { attributeFacts, removeAttributes } from '../../base/file-attributes';
import { fileCommands } from '../../base/file-commands';
import { shellWord } from '../../base/terminal-text';
import { basename, dirname } from 'node:path';
import { count, formatBytes } from '../../base/figures';
import type { ErrorFacts } from '../../errors/error-facts';
import { preflightErrors } from '../../policy/preflight';
import type { Finding } from '../diagnosis';
import type { FindingCode } from '../finding-codes';
import { finding } from './finding';
import { writerOf } from './rollback';
import { restoreCommand, salvageCommands } from './salvage';
import { isCutOff, type CheckInput } from './subject';

/** The finding for each refusal of an open. */
const codes: Readonly<Record<string, FindingCode>> = {
  SAFE_SQLITE_HARD_LINKED_DATABASE: 'hard-link',
  SAFE_SQLITE_ORPHANED_JOURNAL: 'orphaned-journal',
  SAFE_SQLITE_UNSAFE_FILESYSTEM: 'file-is-mount-point',
  SQLITE_CANTOPEN: 'cannot-open',
  SQLITE_READONLY: 'not-writable',
  SQLITE_READONLY_DIRECTORY: 'folder-not-writable',
};

/** A read-only filesystem is one finding about the filesystem, not one about each unwritable file. */
const saidByGround: ReadonlySet<FindingCode> = new Set<FindingCode>(['not-writable', 'folder-not-writable']);

export function* judgeFile(input: CheckInput): Generator<Finding> {
  const { facts, file } = input;
  if (facts.files === undefined) return;
  let isOrphaned = false;
  let isReached = true;
  const unreadable = facts.files.preflight.kind === 'file' ? (facts.files.unreadable ?? []) : [];
  const look = fileCommands.list(facts.files.nearestFolder ?? dirname(file));
  if (unreadable.length > 0) {
    yield finding('problem', 'not-readable', `This user may not read ${unreadable.join(', ')}.`, {
      action: 'Run the command as the user of the program, or as root; or give this user the right to read.',
      commands: [look],
    });
  }
  for (const error of preflightErrors(facts.files.preflight, { readonly: false, fileMustExist: true })) {
    const code = codes[error.code] ?? 'refused';
    // A commit that is going on in another container, which sees the folder at another path.
    if (error.details['superJournal'] !== undefined && writerOf(input) !== null) continue;
    if (saidByGround.has(code) && (facts.ground?.verdict === 'read-only' || isAttribute(error, input))) continue;
    // What cannot even be read needs no advice about writing.
    if (saidByGround.has(code) && unreadable.length > 0) continue;
    isOrphaned ||= code === 'orphaned-journal';
    isReached &&= code !== 'cannot-open';
    const commands =
      error.details['systemError'] === 'EPERM' ? [lookAtAttributes(input)] : (bringSuperJournalBack(input) ?? [look]);
    yield finding('problem', code, error.message, { action: error.hint, commands });
  }
  if (facts.files.preflight.kind === null) {
    // The findings above report that the database is missing, and what to do.
    if (isOrphaned || !isReached) return;
    yield finding('problem', 'no-database', `There is no database at ${file}.`, {
      action:
        'Check the path. If the file was there before, restore it from a backup; do not let a program create a new one.',
      commands: (facts.backups?.backups.length ?? 0) > 0 ? [restoreCommand(input)] : [look],
    });
    return;
  }
  yield* judgeAttributes(input);
  yield* judgeHeader(input);
}

function bringSuperJournalBack({ facts, platform }: CheckInput): readonly string[] | null {
  const { name = '', beside = null } = facts.files?.preflight.superJournal ?? {};
  if (beside === null || platform === 'win32') return null;
  return [`mkdir -p ${shellWord(dirname(name))} && cp ${shellWord(beside)} ${shellWord(name)}`];
}

/** What an attribute forbids is one finding about the attribute. */
function isAttribute({ details }: { readonly details: ErrorFacts['details'] }, { facts }: CheckInput): boolean {
  return details['systemError'] === 'EPERM' && (facts.files?.preflight.attributed.length ?? 0) > 0;
}

/** An append-only folder lets files be made and written, and none be deleted. */
function* judgeAttributes({ facts }: CheckInput): Generator<Finding> {
  if (facts.files === undefined) return;
  const { attributed, directory } = facts.files.preflight;
  if (attributed.length === 0) return;
  const goesOn = attributed.every(({ path, attributes }) => path === directory && !attributes.includes('i'));
  yield finding(goesOn ? 'warning' : 'problem', 'attribute', attributeFacts(attributed), {
    why: goesOn
      ? 'SQLite cannot delete a journal there: in rollback mode no transaction commits, and in WAL mode files stay behind. No backup can be finished in the folder.'
      : 'SQLite cannot write there, whatever the mode says.',
    action: 'Find out who has set it; then take it away.',
    commands: attributed.map(removeAttributes),
  });
}

/** `i` is immutable, `a` append-only. chattr(1) */
function lookAtAttributes({ file }: CheckInput): string {
  return `lsattr -d ${shellWord(file)} ${shellWord(dirname(file))}`;
}

const copyAside = 'Copy it aside with its -wal and -journal before anything else; then restore the newest backup.';

function* judgeHeader(input: CheckInput): Generator<Finding> {
  const { file, facts } = input;
  const { header } = facts;
  if (header === undefined || header === null) return;
  if (header.kind === 'empty') {
    yield finding('warning', 'empty-database', 'The file is empty: a database that was never written.', {
      why: 'A new one looks like this, and so does one that was emptied.',
      action: 'If it had content, restore the newest backup; else there is nothing to do.',
      commands: (facts.backups?.backups.length ?? 0) > 0 ? [restoreCommand(input)] : [],
    });
  } else if (header.kind !== 'database') {
    const { looksLike } = header;
    const what =
      header.kind === 'zeros'
        ? 'begins with zeros'
        : `does not begin as a SQLite database${looksLike === null ? '' : `, but as ${looksLike}`}`;
    yield finding('problem', 'not-a-database', `${basename(file)} ${what}.`, {
      why:
        looksLike === null
          ? 'It was overwritten, its first page was lost, or it is another kind of file (an encrypted one looks like this too).'
          : 'Another file was put in its place, for example a packed backup or a dump.',
      action:
        looksLike === null
          ? copyAside
          : 'Copy it aside. If it is a backup, unpack or load it under a new name, and restore from that; else restore the newest backup.',
      commands: salvageCommands(input),
    });
  } else if (header.damage !== null) {
    yield finding('problem', 'damaged-header', `The header of ${basename(file)} is damaged: ${header.damage}.`, {
      why: 'SQLite writes no such values: something overwrote the beginning of the file.',
      action: copyAside,
      commands: salvageCommands(input),
    });
  } else if (isCutOff(input)) {
    yield finding(
      'problem',
      'cut-off',
      `The file has ${count(header.fileBytes, 'byte')}, and its header counts ${header.pages} pages of ${header.pageSize}: its end is missing.`,
      {
        why: 'A copy was not finished, or a filesystem lost the end of the file.',
        action: copyAside,
        commands: salvageCommands(input),
      },
    );
  } else {
    const pages = header.pages === null ? '' : `, ${count(header.pages, 'page')} of ${header.pageSize} bytes`;
    yield finding('ok', 'database', `A SQLite database: ${formatBytes(header.fileBytes)}${pages}.`);
  }
}
