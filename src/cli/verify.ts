/** Implements `safe-sqlite verify`: checks whether a database is sound. */
import { statSync } from 'node:fs';
import { integrityLines } from '../base/integrity-lines';
import { visible } from '../base/terminal-text';
import { verifyWatched, type VerifyReport } from '../backup/verify';
import { afterDamage } from '../doctor/judge/after-damage';
import { judgeIntegrity } from '../doctor/judge/integrity';
import { gravestFirst } from '../doctor/judge/judge';
import { nextCommand } from '../doctor/judge/next';
import { verdictOf } from '../doctor/judge/verdict';
import type { Answer, Command } from './command';
import { readingBar, withClock } from './progress-bar';
import { describeVerdict, lookAt, type Verdict } from './verdict';
import { count, danglingRows, formatBytes, formatDuration, violatingRows } from '../base/figures';

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'Check whether a database is sound, in use or not.',
  operands: ['<database>'],
  options: { full: { type: 'boolean' } },
  about: [
    'Lets SQLite check the structure of the database, and counts rows that refer to missing rows or violate a CHECK constraint (which is not damage). Programs that use the database are not disturbed; nothing is written.',
  ],
  help: [['--full', 'also compare each index with its table (integrity_check, slower)']],
  examples: ['verify app.db', 'verify /backups/app.db --full'],
  exits: [
    [0, 'sound'],
    [1, 'damaged, or it could not be checked'],
    [3, 'SQLite finds it sound, and it is empty, fenced, or its -wal is in danger'],
  ],
  subject: ([file]) => file,
  async run([file = ''], options, terminal) {
    const { signal } = terminal;
    const level = options['full'] === true ? 'full' : 'quick';
    const seen = await lookAt(file, terminal, false);
    if (seen.finding?.code === 'empty-database') return empty(file, seen);
    const bar = readingBar(terminal, 'Reading', sizeOf(file));
    const report = await withClock(terminal, 'Checking', () =>
      verifyWatched(file, { level, signal }, bar?.show),
    ).finally(bar?.wipe);
    // The doctor also checks the pages: one verdict for both.
    const damage = report.ok ? null : judgeDamage(seen, report);
    const verdict = { ...seen, ...damage };
    const text = [describe(file, report), ...describeVerdict(file, verdict)].join('\n');
    return {
      exit: report.ok ? (verdict.alarming ? 3 : 0) : 1,
      json: { ...report, verdict: verdict.finding },
      text,
    };
  },
};

/** Bytes of the database; 0 where there is none. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** An empty file is a database without a table: nothing is damaged, and nothing is stored. */
function empty(file: string, seen: Verdict): Answer {
  const { diagnosis, finding } = seen;
  const text = [`${visible(file)}: EMPTY (nothing to check)`, ...describeVerdict(file, seen)].join('\n');
  return { exit: 3, json: { path: diagnosis.file, problems: [], verdict: finding }, text };
}

/** Gives the verdict that the doctor gives with the same check. */
function judgeDamage({ diagnosis }: Verdict, report: VerifyReport): Verdict {
  const found = [...diagnosis.findings, judgeIntegrity(diagnosis, report)];
  const findings = gravestFirst(afterDamage(found));
  const next = nextCommand(findings, diagnosis.storageCommands);
  return { finding: verdictOf(findings), alarming: true, diagnosis: { ...diagnosis, findings, next } };
}

function describe(
  file: string,
  { ok, level, checked, unchecked, problems, header, journalMode, durationMs, ...counted }: VerifyReport,
): string {
  const lines = [`${visible(file)}: ${ok ? 'sound' : 'DAMAGED'} (${level} check, ${formatDuration(durationMs)})`];
  if (header !== null) {
    lines.push(
      `  ${formatBytes(header.pages * header.pageSize)}, ${count(header.pages, 'page')}, journal mode ${journalMode}`,
    );
  }
  const { foreignKeyViolations, checkViolations } = counted;
  if ((foreignKeyViolations ?? 0) > 0) lines.push(`  ${danglingRows(foreignKeyViolations ?? 0)}`);
  if ((checkViolations ?? 0) > 0) lines.push(`  ${violatingRows(checkViolations ?? 0)}`);
  if (unchecked.length > 0) {
    lines.push(`  checked: ${checked} (the schema needs functions of the application)`);
    lines.push(...unchecked.map(what => `    left out: ${visible(what)}`));
  }
  for (const problem of integrityLines(problems)) lines.push(`  ${visible(problem)}`);
  return lines.join('\n');
}
