/** Implements `safe-sqlite backup`: writes a verified backup of a database that may be in use. */
import { visible } from '../base/terminal-text';
import { BackupError } from '../errors/refusals';
import { backup } from '../backup/backup';
import { findFile, identityOf, missingHint, readAccess, type PlacedFile } from '../backup/place';
import { choice, reserveBytes, reserveHelp, UsageError, type Command, type GivenOptions } from './command';
import { count, danglingRows, formatBytes, formatDuration } from '../base/figures';
import { progressBar } from './progress-bar';
import { describeVerdict, lookAt } from './verdict';
import { backupEnvironment } from '../backup/environment';

/** How long a read of the database waits for a lock, in milliseconds: the default of a statement. */
const busyTimeoutMs = 5000;

export const backupCommand: Command = {
  name: 'backup',
  summary: 'Write a verified backup of a database, also while it is in use.',
  operands: ['<database>', '<destination>'],
  options: {
    method: { type: 'string' },
    verify: { type: 'string' },
    overwrite: { type: 'boolean' },
    'pages-per-second': { type: 'string' },
    'reserve-bytes': { type: 'string' },
  },
  about: [
    'Writes one snapshot of the database to a new file while programs use it, checks it, and syncs it. If the command succeeds, the complete backup exists; otherwise no file does.',
  ],
  help: [
    ['--method vacuum-into|online', 'compact copy (default), or page by page'],
    ['--verify quick|full|off', 'how the copy is checked (default quick)'],
    ['--overwrite', 'replace an existing file at the destination'],
    ['--pages-per-second <n>', 'copy no faster than this (implies --method online)'],
    reserveHelp,
  ],
  examples: ['backup app.db /backups/app.db', 'backup app.db /backups/app.db --verify full --overwrite'],
  exits: [
    [0, 'a checked and synced backup exists at the destination'],
    [3, 'the same, but the database itself has a problem'],
    [1, 'failed, refused or interrupted; the destination is unchanged'],
  ],
  subject: ([file]) => file,
  async run([file = '', destination = ''], options, terminal) {
    const rate = pagesPerSecond(options['pages-per-second']);
    const method = choice(options, 'method', ['vacuum-into', 'online'], rate === undefined ? 'vacuum-into' : 'online');
    if (method === 'vacuum-into' && rate !== undefined) {
      throw new UsageError(
        '--pages-per-second controls a copy page by page: it needs --method online, not vacuum-into.',
      );
    }
    const verify = choice(options, 'verify', ['quick', 'full', 'off'], 'quick');
    const place = existing(file);
    const source = {
      native: null,
      file: place.path,
      identity: identityOf(place.facts),
      busyTimeoutMs,
      access: readAccess(place),
    };
    const seen = await lookAt(file, terminal, false);
    const bar = progressBar(terminal, 'Copying');
    const { signal } = terminal;
    try {
      const result = await backup(
        source,
        destination,
        {
          method,
          verify,
          overwrite: options['overwrite'] === true,
          pagesPerSecond: rate,
          reserveBytes: reserveBytes(options),
          signal,
          progress: bar?.show,
        },
        // What no one chose may be another method, for a schema that needs functions of the application.
        { ...backupEnvironment, mayFallBack: options['method'] === undefined && rate === undefined },
      );
      bar?.wipe();
      const text = [describe(destination, result), ...describeVerdict(file, seen)].join('\n');
      return { exit: seen.alarming ? 3 : 0, json: { ...result, verdict: seen.finding }, text };
    } catch (error) {
      bar?.wipe();
      throw error;
    }
  },
};

function existing(file: string): PlacedFile {
  const found = findFile(file);
  if ('place' in found) return found.place;
  throw new BackupError(found.missing, {
    hint: missingHint,
    details: { step: 'source', source: file },
    cause: found.cause,
  });
}

function pagesPerSecond(given: GivenOptions[string]): number | undefined {
  if (typeof given !== 'string') return undefined;
  const rate = Number(given);
  if (!Number.isInteger(rate) || rate < 1)
    throw new UsageError(`--pages-per-second is a number of pages, not ${given}.`);
  return rate;
}

function describe(destination: string, result: Awaited<ReturnType<typeof backup>>): string {
  const { bytes, pages, durationMs, method, verified, unchecked, sha256, foreignKeyViolations } = result;
  const lines = [
    visible(destination),
    `  ${formatBytes(bytes)}, ${count(pages, 'page')}, ${method}, in ${formatDuration(durationMs)}`,
    `  checked: ${verified}`,
    ...unchecked.map(what => `    left out: ${visible(what)}`),
    `  sha256: ${sha256}`,
  ];
  if (foreignKeyViolations !== null && foreignKeyViolations > 0) lines.push(`  ${danglingRows(foreignKeyViolations)}`);
  return lines.join('\n');
}
