/** Declares and resolves the options of `db.backup()`. */
import { InvalidOptionError } from '../errors/refusals';
import type { CopyProgress } from '../maintenance/messages';
import { booleanOption, choiceOption, integerOption, refuseCredentials, refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';

export type BackupMethod = 'vacuum-into' | 'online';

export interface BackupOptions {
  /**
   * `'vacuum-into'` (default): one compact snapshot, as fast as the disk. `'online'`: page by page, at a controllable
   * rate, including free pages. Both copy one snapshot, which writers cannot disturb; the default is `'online'` if
   * `progress` or `pagesPerSecond` is given, because only that can be controlled.
   *
   * A schema that needs functions or modules of your connection cannot be copied by `VACUUM INTO` over another one; if
   * you name no method, such a schema is copied with `'online'`.
   */
  method?: BackupMethod | undefined;
  /** How the copy is checked: `quick_check` (default), `integrity_check`, or only header and size. */
  verify?: 'quick' | 'full' | 'off' | undefined;
  /**
   * How an existing destination is handled. Default: an SQLite database is replaced, as in better-sqlite3, and any
   * other file is refused. `true`: replaced, whatever it is. `false`: refused. The old file stays until the new one is
   * verified and synced; a database that is in use is always refused.
   */
  overwrite?: boolean | undefined;
  /** Name of the attached database to copy. Default `'main'`. */
  attached?: string | undefined;
  /**
   * As in better-sqlite3: called with `{ totalPages, remainingPages }`; it returns the number of pages that the next
   * step of `'online'` copies, 0 to wait. With `'vacuum-into'` the figures come from the growing file.
   */
  progress?: ((progress: CopyProgress) => number | undefined | void) | null | undefined;
  /** Maximum pages per second for `'online'`. Default: no limit. */
  pagesPerSecond?: number | undefined;
  /**
   * Bytes that stay free for the service on the filesystem of the database; a copy that would take them is not started,
   * or is stopped. Default: 5 % of the filesystem (1 GiB at most) or 8 MB, whichever is more; on another filesystem 0.
   */
  reserveBytes?: number | undefined;
  /** Aborts the backup: it rejects at once, and leaves nothing at the destination. */
  signal?: AbortSignal | undefined;
}

/** `'databases'`: SQLite databases and empty files. */
export type Replaceable = 'databases' | 'files' | 'nothing';

export interface ResolvedBackupOptions {
  readonly method: BackupMethod;
  /** The method was not named, so the other one may be used. */
  readonly mayFallBack: boolean;
  readonly verify: 'quick' | 'full' | 'off';
  /** The kinds of files at the destination that may be replaced. */
  readonly replaces: Replaceable;
  readonly attached: string;
  readonly progress: ((progress: CopyProgress) => unknown) | null;
  readonly pagesPerSecond: number | null;
  readonly reserveBytes: number | null;
  readonly signal: AbortSignal | undefined;
}

const names = [
  'method',
  'verify',
  'overwrite',
  'attached',
  'progress',
  'pagesPerSecond',
  'reserveBytes',
  'signal',
] as const;
/** More pages a second than any disk has. */
const mostPagesPerSecond = 0x7fffffff;

/** Checks the arguments of `db.backup()`; each error is an `InvalidOptionError`, which is a `TypeError`. */
export function resolveBackupOptions(destination: unknown, given: unknown): [string, ResolvedBackupOptions] {
  if (typeof destination !== 'string') refuseArgument('Expected first argument to be a string');
  // better-sqlite3 trims the name, and so does every later open of it.
  const path = destination.trim();
  refuseCredentials('destination', path);
  if (path === '') refuseArgument('Backup filename cannot be an empty string');
  if (path === ':memory:') refuseArgument('Invalid backup filename ":memory:"');
  if (path.includes('\0')) refuseArgument('Backup filename cannot contain a NUL');
  if (given !== undefined && given !== null && typeof given !== 'object') {
    refuseArgument('Expected second argument to be an options object');
  }
  const options: BackupOptions = given ?? {};
  checkOptionNames(options, names, 'backup');
  const { attached = 'main', progress = null, signal, pagesPerSecond } = options;
  if (typeof attached !== 'string' || attached === '') refuseOption('attached', 'the name of a database', attached);
  if (progress !== null && typeof progress !== 'function') refuseOption('progress', 'a function', progress);
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuseOption('signal', 'an AbortSignal', signal);
  const steered = progress !== null || pagesPerSecond !== undefined;
  const resolved: ResolvedBackupOptions = {
    method: choiceOption('method', options.method, steered ? 'online' : 'vacuum-into', ['vacuum-into', 'online']),
    mayFallBack: options.method === undefined,
    verify: choiceOption('verify', options.verify, 'quick', ['quick', 'full', 'off']),
    replaces:
      options.overwrite === undefined
        ? 'databases'
        : booleanOption('overwrite', options.overwrite, true)
          ? 'files'
          : 'nothing',
    attached,
    progress,
    pagesPerSecond:
      pagesPerSecond === undefined ? null : integerOption('pagesPerSecond', pagesPerSecond, 1, 1, mostPagesPerSecond),
    reserveBytes:
      options.reserveBytes === undefined
        ? null
        : integerOption('reserveBytes', options.reserveBytes, 0, 0, Number.MAX_SAFE_INTEGER),
    signal,
  };
  if (resolved.method === 'vacuum-into' && resolved.pagesPerSecond !== null) {
    refuseOption('pagesPerSecond', "absent with `method: 'vacuum-into'`", pagesPerSecond, "Use `method: 'online'`.");
  }
  return [path, resolved];
}

function refuseArgument(message: string): never {
  throw new InvalidOptionError(`${message}.`);
}

// Declares the result of a backup; the public types refer to nothing beyond this file.

/** The file at the destination, and how it was made. */
export interface BackupResult {
  /** Canonical path of the backup. */
  readonly path: string;
  readonly bytes: number;
  readonly pages: number;
  /** As in better-sqlite3's result: the pages of the copy, and none remaining. */
  readonly totalPages: number;
  readonly remainingPages: 0;
  /** Of the whole file, in hexadecimal. */
  readonly sha256: string;
  readonly durationMs: number;
  readonly method: BackupMethod;
  /**
   * The check that was made. Shallower than requested if the schema needs functions, collations or modules of the
   * application: `unchecked` lists what was left out; `'partial'`: table by table.
   */
  readonly verified: 'quick' | 'full' | 'partial' | 'off';
  readonly unchecked: readonly string[];
  /** Rows of the source, and of the backup, that refer to a row that does not exist; `null` if not counted. */
  readonly foreignKeyViolations: number | null;
  readonly sqliteVersion: string;
  readonly schemaVersion: number;
  readonly userVersion: number;
}
