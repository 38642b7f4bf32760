/** `safe-sqlite restore`: puts a verified copy of a backup in the place of a database that nobody has open. */
import { restoreDatabase, type RestoreReport } from '../backup/restore';
import { choice, type Command } from './command';
import { formatBytes, formatDuration } from './format';
import { surroundings } from '../open/surroundings';

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'Put a backup in the place of a database; the old one is kept beside it.',
  operands: ['<backup>', '<database>'],
  options: { verify: { type: 'string' } },
  help: ['--verify full|quick           how the backup is checked first (default full)'],
  async run([from = '', to = ''], options, { signal }) {
    const verify = choice(options, 'verify', ['full', 'quick'], 'full');
    const report = await restoreDatabase({ from, to, verify, signal }, surroundings);
    return { ok: true, json: report, text: describe(report) };
  },
};

function describe({ path, from, kept, bytes, pages, sha256, verified, durationMs }: RestoreReport): string {
  return [
    `${path} restored from ${from}`,
    `  ${formatBytes(bytes)}, ${pages} pages, in ${formatDuration(durationMs)}`,
    `  checked: ${verified}`,
    `  sha256: ${sha256}`,
    ...kept.map(old => `  the old one is kept: ${old}`),
  ].join('\n');
}
