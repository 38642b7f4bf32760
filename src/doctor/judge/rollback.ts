/** Judges a `-journal` beside the database. Pure. */
import { count, formatBytes } from '../../base/figures';
import { shellWord } from '../../base/terminal-text';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';

/** RESERVED, PENDING or the whole SHARED range for writing: a process is in a write transaction. (os.h, os_unix.c) */
const writerBytes = { first: 0x40000000, last: 0x40000001 };

export function* judgeRollback(input: CheckInput): Generator<Finding> {
  const { facts, file } = input;
  const journal = facts.journals?.rollback ?? null;
  // Beside a missing or empty database it is an orphan, which has its own finding.
  if (journal === null || facts.header?.kind !== 'database' || facts.header.damage !== null) return;
  const size = formatBytes(journal.fileBytes);
  const writer = writerOf(input);
  if (writer !== null) {
    yield finding('ok', 'journal-in-use', `Process ${writer} is in a write transaction: its -journal has ${size}.`);
    return;
  }
  // The finding of the refused open has the advice.
  if ((facts.files?.preflight.superJournal ?? null) !== null) return;
  if (journal.kind === 'empty' || journal.kind === 'zeroed') {
    yield finding('ok', 'journal-finished', `The -journal beside it is finished (${size}).`);
    return;
  }
  if (journal.kind === 'other') {
    yield finding('note', 'journal-unwritten', `A -journal of ${size} was left behind before its header was written.`, {
      why: 'The transaction had not changed the database yet: SQLite ignores the journal.',
    });
    return;
  }
  const pages = journal.pages === null ? size : count(journal.pages, 'page');
  yield finding('warning', 'hot-journal', `A hot -journal (${pages}): a write transaction was cut off.`, {
    why: 'The database may hold half of that transaction. The next open for writing plays the journal back and restores the state before it; without the journal the database is damaged.',
    action: `Never delete, move or rename ${file}-journal, and never copy the database without it. Start the program as usual, or play it back now.${superJournal(journal.superJournal)}`,
    commands: [`npx safe-sqlite checkpoint ${shellWord(file)}`],
  });
}

function superJournal(name: string | null): string {
  return name === null ? '' : ` It belongs to a transaction over several databases: ${name} decides, so keep that too.`;
}

/** The process that is in a write transaction, for people; `null`: none that can be seen. */
export function writerOf({ facts }: CheckInput): string | null {
  const writer = facts.processes?.processes.find(({ files }) =>
    files.some(
      ({ role, locks }) =>
        role === 'database' &&
        locks.some(({ kind, start, end }) => kind === 'write' && start <= writerBytes.last && end >= writerBytes.first),
    ),
  );
  return writer === undefined ? null : `${writer.pid} (${writer.command})`;
}
