/** `safe-sqlite backup`: a verified backup of a database that may be in use. */
import { BackupError } from '../errors/refusals';
import { backup } from '../backup/backup';
import { identityOf, placeOf, readAccess } from '../backup/place';
import { choice, UsageError, type Command, type GivenOptions } from './command';
import { formatBytes, formatDuration } from '../base/figures';
import { progressBar } from './progress-bar';
import { surroundings } from '../open/surroundings';

/** How long a read of the database waits for a lock, in milliseconds: as long as a statement does by default. */
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
  },
  about: [
    'Writes a copy of one moment of the database to a new file, beside programs that use it, checks it, and syncs it. When the command says that it is done, the backup stands there in whole; otherwise nothing stands there.',
  ],
  help: [
    ['--method vacuum-into|online', 'compact copy (default), or page by page'],
    ['--verify quick|full|off', 'how the copy is checked (default quick)'],
    ['--overwrite', 'replace a file that stands at the destination'],
    ['--pages-per-second <n>', 'copy no faster than this (implies --method online)'],
  ],
  examples: ['backup app.db /backups/app.db', 'backup app.db /backups/app.db --verify full --overwrite'],
  exits: [
    [0, 'a checked and synced backup stands at the destination'],
    [1, 'failed, refused or interrupted; the destination is as it was'],
  ],
  async run([file = '', destination = ''], options, terminal) {
    const rate = pagesPerSecond(options['pages-per-second']);
    const method = choice(options, 'method', ['vacuum-into', 'online'], rate === undefined ? 'vacuum-into' : 'online');
    const verify = choice(options, 'verify', ['quick', 'full', 'off'], 'quick');
    const place = existing(file);
    const source = {
      native: null,
      file: place.path,
      identity: identityOf(place.facts),
      busyTimeoutMs,
      access: readAccess(place),
    };
    const bar = progressBar(terminal, 'Copying');
    const { signal } = terminal;
    try {
      const result = await backup(
        source,
        destination,
        { method, verify, overwrite: options['overwrite'] === true, pagesPerSecond: rate, signal, progress: bar?.show },
        surroundings,
      );
      bar?.wipe();
      return { exit: 0, json: result, text: describe(result) };
    } catch (error) {
      bar?.wipe();
      throw error;
    }
  },
};

function existing(file: string): ReturnType<typeof placeOf> {
  try {
    const place = placeOf(file);
    if (place.facts?.isFile() === true) return place;
  } catch {
    // Its folder does not exist: the same answer.
  }
  throw new BackupError(`There is no database at ${file}.`, {
    hint: 'Name the database file.',
    details: { step: 'source', source: file },
  });
}

function pagesPerSecond(given: GivenOptions[string]): number | undefined {
  if (typeof given !== 'string') return undefined;
  const rate = Number(given);
  if (!Number.isInteger(rate) || rate < 1)
    throw new UsageError(`--pages-per-second is a number of pages, not ${given}.`);
  return rate;
}

function describe(result: Awaited<ReturnType<typeof backup>>): string {
  const { path, bytes, pages, durationMs, method, verified, sha256, foreignKeyViolations } = result;
  const lines = [
    `${path}`,
    `  ${formatBytes(bytes)}, ${pages} pages, ${method}, in ${formatDuration(durationMs)}`,
    `  checked: ${verified}`,
    `  sha256: ${sha256}`,
  ];
  if ((foreignKeyViolations ?? 0) > 0) lines.push(`  ${foreignKeyViolations} rows refer to rows that do not exist`);
  return lines.join('\n');
}
