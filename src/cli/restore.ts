/** Implements `safe-sqlite restore`: replaces a database that no process has open by a verified copy of a backup. */
import { dirname } from 'node:path';
import { fileCommands } from '../base/file-commands';
import { visible } from '../base/terminal-text';
import type { RestoreReport } from '../backup/restore/restore';
import { restoreWatched } from '../database/restore';
import { memberOf, textOf } from '../base/foreign-error';
import type { Finding } from '../doctor/diagnosis';
import { choice, reserveBytes, reserveHelp, type Command } from './command';
import { progressBar, withClock } from './progress-bar';
import type { Verdict } from './verdict';
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
  restate: (verdict, [from = '', to], error) =>
    ofTarget.has(textOf(memberOf(error, 'details'), 'step') ?? '') || from === to ? verdict : asBackup(verdict, from),
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

/** Findings about a backup for which another backup is the answer. */
const ofBadBackup: ReadonlySet<string> = new Set([
  'empty-database',
  'not-a-database',
  'damaged-header',
  'cut-off',
  'damaged',
]);

/** The doctor advises to copy a damaged database aside and to restore a backup; this file is the backup. */
function asBackup(verdict: Verdict, from: string): Verdict {
  const { finding, diagnosis } = verdict;
  if (finding === null || !ofBadBackup.has(finding.code)) return verdict;
  // The backup may be sound without the -wal of another database: the doctor's advice is to check that.
  if (diagnosis.facts.journals?.walSuspected === true) return verdict;
  const next = fileCommands.listByTime(dirname(diagnosis.file));
  const restated: Finding = {
    ...finding,
    action: `Nothing was changed. Restore another backup: \`verify\` tells which one is sound. Keep ${visible(from)} until one is restored.`,
    commands: [next],
  };
  return {
    ...verdict,
    finding: restated,
    diagnosis: { ...diagnosis, findings: diagnosis.findings.map(each => (each === finding ? restated : each)), next },
  };
}

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
