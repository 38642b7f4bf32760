/** Implements `safe-sqlite restore`: replaces a database that no process has open by a verified copy of a backup. */
import { visible } from '../base/terminal-text';
import type { RestoreReport } from '../backup/restore/restore';
import { restoreWatched } from '../database/restore';
import { memberOf, textOf } from '../base/foreign-error';
import { choice, reserveBytes, reserveHelp, type Command } from './command';
import { progressBar, withClock } from './progress-bar';
import { count, formatBytes, formatDuration } from '../base/figures';

export const restoreCommand: Command = {
  name: 'restore',
  summary: 'Replace a database by a backup; the old one is kept beside it.',
  operands: ['<backup>', '<database>'],
  options: { verify: { type: 'string' }, 'reserve-bytes': { type: 'string' } },
  about: [
    'Checks the backup, then replaces the database by a copy of it, in one step: a crash at any time leaves either the old database or the new one. The old one is kept beside it under a dated name, together with its fence.',
    'Refused while any process has the database open.',
  ],
  help: [['--verify full|quick', 'how the backup is checked first (default full)'], reserveHelp],
  examples: ['restore /backups/app.db app.db'],
  exits: [
    [0, 'restored; the answer names the old files'],
    [1, 'failed or refused; the database is unchanged'],
  ],
  subject: ([from, to], error) => (ofTarget.has(textOf(memberOf(error, 'details'), 'step') ?? '') ? to : from),
  async run([from = '', to = ''], options, terminal) {
    const { signal } = terminal;
    const verify = choice(options, 'verify', ['full', 'quick'], 'full');
    const given = { from, to, verify, reserveBytes: reserveBytes(options), signal };
    const bar = progressBar(terminal, 'Copying');
    const copied = Promise.withResolvers<void>();
    const restore = restoreWatched(given, {
      onCopied: bar?.show,
      onStep: step => step === 'verify' && copied.resolve(),
    });
    await Promise.race([copied.promise, restore.catch(() => {})]);
    bar?.wipe();
    const report = await withClock(terminal, 'Checking', () => restore);
    return { exit: 0, json: report, text: describe(from, to, report) };
  },
};

/** Steps that concern the old database; a failure of the others may be the backup's. */
const ofTarget: ReadonlySet<string> = new Set(['fold', 'swap', 'check']);

function describe(
  from: string,
  to: string,
  { kept, bytes, pages, sha256, fromSha256, verified, unchecked, durationMs }: RestoreReport,
): string {
  return [
    `${visible(to)} restored from ${visible(from)}`,
    `  ${formatBytes(bytes)}, ${count(pages, 'page')}, in ${formatDuration(durationMs)}`,
    `  checked: ${verified}`,
    ...unchecked.map(what => `    left out: ${visible(what)}`),
    ...(fromSha256 === null ? [] : [`  sha256: ${fromSha256} (the backup, as \`backup\` printed it)`]),
    `  sha256: ${sha256} (the database: its header counts the copying as a change)`,
    ...kept.map(old => `  the old one is kept: ${visible(old)}`),
  ].join('\n');
}
