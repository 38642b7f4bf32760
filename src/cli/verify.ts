/** `safe-sqlite verify`: whether a database is sound. */
import { verifyDatabase, type VerifyReport } from '../backup/verify';
import type { Command } from './command';
import { count, danglingRows, formatBytes, formatDuration } from '../base/figures';

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'Check whether a database is sound, in use or not.',
  operands: ['<database>'],
  options: { full: { type: 'boolean' } },
  about: [
    'Lets SQLite check the structure of the database, and counts rows that refer to rows that do not exist (those are no damage). Programs that use the database go on; nothing is written.',
  ],
  help: [['--full', 'also compare each index with its table (integrity_check, slower)']],
  examples: ['verify app.db', 'verify /backups/app.db --full'],
  exits: [
    [0, 'sound'],
    [1, 'damaged, or it could not be checked'],
  ],
  async run([file = ''], options, { signal }) {
    const report = await verifyDatabase(file, { level: options['full'] === true ? 'full' : 'quick', signal });
    return { exit: report.ok ? 0 : 1, json: report, text: describe(report) };
  },
};

function describe({
  path,
  ok,
  level,
  problems,
  header,
  journalMode,
  foreignKeyViolations,
  durationMs,
}: VerifyReport): string {
  const lines = [`${path}: ${ok ? 'sound' : 'DAMAGED'} (${level} check, ${formatDuration(durationMs)})`];
  if (header !== null) {
    lines.push(
      `  ${formatBytes(header.pages * header.pageSize)}, ${count(header.pages, 'page')}, journal mode ${journalMode}`,
    );
  }
  if (foreignKeyViolations !== null && foreignKeyViolations > 0) lines.push(`  ${danglingRows(foreignKeyViolations)}`);
  for (const problem of problems) lines.push(`  ${problem}`);
  return lines.join('\n');
}
