/** Whether a full check may be run now, and what it found. Pure. */
import { danglingRows, formatDuration } from '../../base/figures';
import type { VerifyReport } from '../../backup/verify';
import type { DoctorFacts } from '../facts';
import type { Finding } from '../diagnosis';
import { finding } from './finding';

/** Problems that the report lists; JSON has them all. */
const shown = 5;

/** `null`, or why SQLite must not open the file only to look at it. */
export function whyNotChecked(facts: Partial<DoctorFacts>): string | null {
  const { header, journals, ground, files } = facts;
  if (header === undefined || header === null || journals === undefined || files === undefined) {
    return 'the files could not be looked at first';
  }
  if (header.kind !== 'database') return 'it is no database';
  if (ground?.verdict === 'refuse')
    return 'SQLite is not safe on this filesystem: copy it with its -wal to a local disk and check the copy';
  if (journals.rollback?.kind === 'header') {
    return 'a -journal stands beside it, and a check could not read the database without playing it back';
  }
  if (journals.wal !== null && journals.wal.fileBytes > 0 && !journals.wal.headerValid) return 'its -wal is damaged';
  return (journals.wal?.unreachableCommits ?? 0) > 0 ? 'its -wal is damaged: copy both aside first' : null;
}

export function judgeIntegrity({ ok, problems, durationMs, foreignKeyViolations }: VerifyReport): Finding {
  if (ok) {
    const rows = foreignKeyViolations ?? 0;
    const references = rows > 0 ? `; ${danglingRows(rows)}` : '';
    return finding(
      'ok',
      'integrity',
      'sound',
      `integrity_check found nothing wrong (${formatDuration(durationMs)})${references}.`,
    );
  }
  const list = problems.slice(0, shown).join('; ');
  const more = problems.length > shown ? ` and ${problems.length - shown} more` : '';
  return finding('problem', 'integrity', 'damaged', `integrity_check found damage: ${list}${more}.`, {
    why: 'What is stored is not what was written: a disk, a copy, a second SQLite, or a bug.',
    action: 'Stop the program, copy database and -wal aside, restore the newest verified backup, and compare the two.',
  });
}
