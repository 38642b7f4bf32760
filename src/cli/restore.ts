/** `safe-sqlite restore`: puts a verified copy of a backup in the place of a database that nobody has open. */
import type { RestoreReport } from '../backup/restore/restore';
import { restoreDatabase } from '../database/restore';
import { choice, type Command } from './command';
import { count, formatBytes, formatDuration } from '../base/figures';

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'Put a backup in the place of a database; the old one is kept beside it.',
  operands: ['<backup>', '<database>'],
  options: { verify: { type: 'string' } },
  about: [
    'Checks the backup, then puts a copy of it in the place of the database, in one step: a crash at any moment leaves either the old database there or the new one. The old one is kept beside it under a dated name, and a fence goes with it.',
    'Refused while any process has the database open.',
  ],
  help: [['--verify full|quick', 'how the backup is checked first (default full)']],
  examples: ['restore /backups/app.db app.db'],
  exits: [
    [0, 'restored; the answer names the old files'],
    [1, 'failed or refused; the database is as it was'],
  ],
  async run([from = '', to = ''], options, { signal }) {
    const verify = choice(options, 'verify', ['full', 'quick'], 'full');
    const report = await restoreDatabase({ from, to, verify, signal });
    return { exit: 0, json: report, text: describe(report) };
  },
};

function describe({ path, from, kept, bytes, pages, sha256, verified, durationMs }: RestoreReport): string {
  return [
    `${path} restored from ${from}`,
    `  ${formatBytes(bytes)}, ${count(pages, 'page')}, in ${formatDuration(durationMs)}`,
    `  checked: ${verified}`,
    `  sha256: ${sha256}`,
    ...kept.map(old => `  the old one is kept: ${old}`),
  ].join('\n');
}
