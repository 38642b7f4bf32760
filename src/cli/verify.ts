/** `safe-sqlite verify`: whether a database is sound. */
import { verifyDatabase, type VerifyReport } from '../backup/verify';
import type { Command } from './command';
import { formatBytes, formatDuration } from './format';

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'Check a database file, in use or not; exit code 1 when it is damaged.',
  operands: ['<database>'],
  options: { full: { type: 'boolean' } },
  help: ['--full                        also compare each index with its table'],
  async run([file = ''], options, { signal }) {
    const report = await verifyDatabase(file, { level: options['full'] === true ? 'full' : 'quick', signal });
    return { ok: report.ok, json: report, text: describe(report) };
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
    lines.push(`  ${formatBytes(header.pages * header.pageSize)}, ${header.pages} pages, journal mode ${journalMode}`);
  }
  if ((foreignKeyViolations ?? 0) > 0) lines.push(`  ${foreignKeyViolations} rows refer to rows that do not exist`);
  for (const problem of problems) lines.push(`  ${problem}`);
  return lines.join('\n');
}
