/** Is there a database, is it one, has it one name? Pure. */
import { shellWord } from '../../base/terminal-text';
import { basename } from 'node:path';
import { count, formatBytes } from '../../base/figures';
import { preflightErrors } from '../../policy/preflight';
import type { Finding, Topic } from '../diagnosis';
import { isHeld, type CheckInput } from './subject';
import { finding } from './finding';

/** Where the refusals of an open belong in the report. */
const topics: Readonly<Record<string, { readonly topic: Topic; readonly code: string }>> = {
  SAFE_SQLITE_HARD_LINKED_DATABASE: { topic: 'file', code: 'hard-link' },
  SAFE_SQLITE_ORPHANED_JOURNAL: { topic: 'journal', code: 'orphaned-journal' },
  SAFE_SQLITE_UNSAFE_FILESYSTEM: { topic: 'ground', code: 'file-is-mount-point' },
  SQLITE_CANTOPEN: { topic: 'file', code: 'cannot-open' },
  SQLITE_READONLY: { topic: 'permissions', code: 'not-writable' },
  SQLITE_READONLY_DIRECTORY: { topic: 'permissions', code: 'folder-not-writable' },
};

export function* judgeFile(patient: CheckInput): Generator<Finding> {
  const { facts, file } = patient;
  if (facts.files === undefined) return;
  for (const error of preflightErrors(facts.files.preflight, { readonly: false, fileMustExist: true })) {
    const { topic, code } = topics[error.code] ?? { topic: 'file', code: 'refused' };
    yield finding('problem', topic, code, error.message, { action: error.hint });
  }
  if (facts.files.preflight.kind === null) {
    yield finding('problem', 'file', 'no-database', `There is no database at ${file}.`, {
      action:
        'Look at the path. If the file was there before, restore it from a backup; do not let a program create a new one.',
    });
    return;
  }
  yield* judgeHeader(patient);
}

function* judgeHeader(patient: CheckInput): Generator<Finding> {
  const { file, facts } = patient;
  const { header } = facts;
  if (header === undefined || header === null) return;
  const verify = `npx safe-sqlite verify ${shellWord(file)} --full`;
  if (header.kind === 'empty') {
    yield finding('note', 'file', 'empty-database', 'The file is empty: a database that nobody has written to.', {
      why: 'If it had content, something cut it off.',
    });
  } else if (header.kind !== 'database') {
    const what = header.kind === 'zeros' ? 'begins with zeros' : 'does not begin as a SQLite database';
    yield finding('problem', 'file', 'not-a-database', `${basename(file)} ${what}.`, {
      why: 'It was overwritten, its first page was lost, or it is another kind of file (an encrypted one looks like this too).',
      action: 'Copy it aside with its -wal and -journal before anything else; then restore the newest backup.',
    });
  } else if (isCutOff(patient)) {
    yield finding(
      'problem',
      'file',
      'cut-off',
      `The file has ${count(header.fileBytes, 'byte')}, and its header counts ${header.pages} pages of ${header.pageSize}: its end is missing.`,
      {
        why: 'A copy that was not finished, or a filesystem that lost the end of the file.',
        action: 'Copy it aside, check it, and restore the newest backup.',
        commands: [verify],
      },
    );
  } else {
    const pages = header.pages === null ? '' : `, ${count(header.pages, 'page')} of ${header.pageSize} bytes`;
    yield finding('ok', 'file', 'database', `A SQLite database: ${formatBytes(header.fileBytes)}${pages}.`);
  }
}

/** While somebody writes, or frames wait in the WAL, the file may be shorter than its first page says. */
function isCutOff(patient: CheckInput): boolean {
  const { header, journals } = patient.facts;
  if (header === undefined || header === null || header.pages === null) return false;
  const waits = (journals?.wal?.committedFrames ?? 0) > 0 || journals?.rollback?.kind === 'header';
  return !waits && !isHeld(patient) && header.fileBytes < header.pages * header.pageSize;
}
