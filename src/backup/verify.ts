/** Implements `verifyDatabase`, which checks a database file, in use or not, off the event loop. */
import { clearTimeout, setTimeout } from '../base/clock';
import { SqliteCantOpenError } from '../errors/sqlite-errors';
import { choiceOption, pathArgument } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import { readonlyWalError } from '../policy/wal-format';
import { readonlyGroundOf } from '../filesystem/refused-file';
import { suspectWal } from '../filesystem/wal-age';
import { startJob, type RunningJob } from '../maintenance/jobs-client';
import type { HeaderFacts, VerifyLevel } from '../maintenance/messages';
import { needsCopy, verifyBytes } from './unwritable';
import { findFile, identityOf, missingHint, readAccess, type PlacedFile } from './place';

export interface VerifyOptions {
  /** `'quick'` (default): `quick_check`. `'full'`: `integrity_check`, which also compares each index with its table. */
  level?: VerifyLevel | undefined;
  signal?: AbortSignal | undefined;
}

export interface VerifyReport {
  /** Canonical path of the checked file. */
  readonly path: string;
  /** True if SQLite found no fault. */
  readonly ok: boolean;
  /** The requested check. */
  readonly level: VerifyLevel;
  /**
   * The check that was made: a shallower one if the schema needs functions, collations or modules of the application.
   * `'partial'`: table by table, without the columns in `unchecked`. `null` if nothing could be read.
   */
  readonly checked: VerifyLevel | 'partial' | null;
  /** What was left out, and why; empty if all of `level` was checked. */
  readonly unchecked: readonly string[];
  /** The faults, in SQLite's words. */
  readonly problems: readonly string[];
  /** Rows that refer to a row that does not exist: a fault of the data, not damage. `null` if not counted. */
  readonly foreignKeyViolations: number | null;
  /**
   * Rows that violate a CHECK constraint, 100 at most: a fault of the data, not damage. `null` if not counted: SQLite evaluates
   * no CHECK without the right to write, and a database with a `-wal` is only read; the functions that it calls may be missing.
   */
  readonly checkViolations: number | null;
  /** `null` if not even that could be read. */
  readonly header: HeaderFacts | null;
  readonly journalMode: string | null;
  readonly sqliteVersion: string;
  readonly durationMs: number;
}

/** How long the check waits for a lock, in milliseconds: the default of a statement. */
const busyTimeoutMs = 5000;

/**
 * Checks the structure of a database, and counts the dangling references and, where it can, the rows that violate a CHECK.
 *
 * Damage is reported (`ok: false`), not thrown. It rejects when the file cannot be checked: `SqliteCantOpenError` when
 * there is none, `SqliteBusyError`, `SqliteIoError`. Nothing is written beside it, no right to write is needed, and a database in
 * use stays usable: one in WAL mode on a read-only medium is checked in a copy in the folder for temporary files.
 *
 * @see https://sqlite.org/pragma.html#pragma_integrity_check
 */
export function verifyDatabase(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  return verifyWatched(path, options);
}

/** The same for a program that shows how far it is: `onProcess` hears which process reads the database. */
export async function verifyWatched(
  path: string,
  options: VerifyOptions,
  onProcess?: (pid: number) => void,
): Promise<VerifyReport> {
  checkOptionNames(options, ['level', 'signal'], 'verify');
  const level = choiceOption('level', options.level, 'quick', ['quick', 'full']);
  const place = existing(pathArgument(path));
  const suspicion = suspectWal(place.path);
  const { signal } = options;
  const job = startJob(
    {
      kind: 'verify',
      file: place.path,
      identity: identityOf(place.facts),
      level,
      busyTimeoutMs,
      access: readAccess(place),
    },
    { signal, onProcess },
  );
  const result = await job.result.catch(async (error: unknown) => {
    await ended(job);
    if (needsCopy(error, place.path)) return verifyBytes(place.path, level, error, signal);
    throw readonlyWalError(error, readonlyGroundOf(place.path)) ?? error;
  });
  const { problems } = result;
  if (suspicion === null || problems.length === 0)
    return { path: place.path, ok: problems.length === 0, level, ...result };
  return { path: place.path, ok: false, level, ...result, problems: [foreignWal(place.path), ...problems] };
}

/** How long a rejection waits until a killed check has left nothing beside the database, unless the disk hangs. */
const removedMs = 5000;

/** Waits until the process of a failed check has ended, and what it left beside the database is removed. */
async function ended({ over }: RunningJob<unknown>): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, removedMs);
  await Promise.race([over, limit.promise]);
  clearTimeout(timer);
}

/** The same verdict as that of an open: SQLite reads the database through that `-wal`. */
function foreignWal(file: string): string {
  return `${file}-wal is older than the database beside it and may belong to another one: move it and ${file}-shm away, keep them, and check the database without them`;
}

/** SQLite has one message for a missing file, a folder, a missing right and too many open files. */
function existing(path: string): PlacedFile {
  const found = findFile(path);
  if ('place' in found) return found.place;
  throw new SqliteCantOpenError(found.missing, 'SQLITE_CANTOPEN', {
    hint: missingHint,
    details: { file: path },
    cause: found.cause,
  });
}
