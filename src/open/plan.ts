/** Plans an open before SQLite touches anything: the file, its filesystem, and how to open it, or why not. */
import { withoutCredentials } from '../base/credentials';
import { InvalidOptionError } from '../errors/refusals';
import { inspectLocated } from '../filesystem/inspect';
import { locate, type Location } from '../filesystem/locate';
import { missingSync } from '../proc/sync-probe';
import { sqliteVersion } from '../native/sqlite-version';
import type { ResolvedOptions } from '../options/resolved';
import { decide, type Decision } from '../policy/decide';
import type { Plan, PlanWarning } from '../policy/plan';
import { preflightFacts } from '../filesystem/preflight-facts';
import type { FilesystemReport } from '../filesystem/report';
import { judgePreflight, preflightWarnings, type PreflightOptions } from '../policy/preflight';
import { errorCode, errorMessage, textOf } from '../base/foreign-error';
import { SqliteCantOpenError } from '../errors/sqlite-errors';

/** Locates the file that `filename` names, accessing it only if that cannot hang. */
export function locateFile(filename: string, { dangerously }: ResolvedOptions, exact = false): Location {
  const touchShared = dangerously.allowNetworkFilesystem !== null;
  const location = asCantOpen(filename, () => locate(filename, { touchShared, exact }));
  if (location.parentExists) return location;
  const context = {
    hint: 'Create the folder first; SQLite creates files only.',
    details: { file: withoutCredentials(location.file), directory: withoutCredentials(location.directory) },
  };
  // `exact`: of ATTACH, which fails in SQLite; at an open better-sqlite3 throws a TypeError before.
  if (exact)
    throw new SqliteCantOpenError(
      `unable to open database: ${withoutCredentials(filename)}`,
      'SQLITE_CANTOPEN',
      context,
    );
  throw new InvalidOptionError(
    `Cannot open database because the directory does not exist: ${withoutCredentials(location.directory)}`,
    context,
  );
}

export interface PlannedFile {
  readonly plan: Plan;
  /** False if the database was seen without a `-wal`, `-shm` and `-journal`. */
  readonly hasSidecars: boolean;
}

/** Throws the refusal: `UnsafeFilesystemError`, `UnsafeSqliteVersionError`, `OrphanedJournalError`, … */
export function planFile(location: Location, options: ResolvedOptions): PlannedFile {
  const plan = planByFilesystem(location, options);
  const { warnings, hasSidecars } = preflight(location, options, plan.filesystem);
  return { plan: { ...plan, warnings: [...plan.warnings, ...warnings] }, hasSidecars };
}

/** Returns the plan by the filesystem alone, before the files are accessed. */
export function planByFilesystem(location: Location, options: ResolvedOptions): Plan {
  const filesystem = asCantOpen(location.file, () => inspectLocated(location));
  return openOrThrow(
    decide({ ...common(options), storage: 'file', file: location.file, filesystem, missingSync: missingSync() }),
  );
}

export function planWithoutFile(storage: 'memory' | 'temporary', options: ResolvedOptions): Plan {
  return openOrThrow(decide({ ...common(options), storage, file: null, filesystem: null }));
}

function common(options: ResolvedOptions) {
  const { readonly, journalMode, durability, dangerously, nativeBinding } = options;
  return {
    readonly,
    journalMode,
    durability,
    dangerously,
    platform: process.platform,
    sqliteVersion: sqliteVersion(nativeBinding),
  };
}

function openOrThrow(decision: Decision): Plan {
  if (decision.verdict === 'refuse') throw decision.error();
  return decision.plan;
}

// Checks the files before SQLite accesses them.

/**
 * Throws the first reason not to open the database; otherwise returns the warnings.
 *
 * It changes nothing, and accesses only what `locate` has accessed: a location on a mount that must not be touched
 * passes, because the decision about its filesystem refuses it.
 */
export function preflight(
  location: Location,
  options: PreflightOptions & { readonly timeout?: number },
  filesystem: FilesystemReport | null = null,
): { readonly warnings: readonly PlanWarning[]; readonly hasSidecars: boolean } {
  if (location.untouched) return { warnings: [], hasSidecars: true };
  const facts = preflightFacts(location, { filesystem, waitMs: options.timeout ?? 0 });
  const error = judgePreflight(facts, options);
  if (error !== null) throw error;
  return { warnings: preflightWarnings(facts), hasSidecars: facts.sidecars.length > 0 };
}

// Maps system errors met before the open to SQLITE_CANTOPEN.

/** Runs an access to a file that is to be opened; a failed system call means that the file cannot be opened. */
export function asCantOpen<Result>(filename: string, look: () => Result): Result {
  try {
    return look();
  } catch (error) {
    throw isSystemError(error) ? cannotOpen(filename, error) : error;
  }
}

function cannotOpen(filename: string, cause: unknown): SqliteCantOpenError {
  const file = filename.trim();
  const errno = errorCode(cause);
  return new SqliteCantOpenError(
    `unable to open database file (SQLITE_CANTOPEN at open in ${file}): ${errorMessage(cause)}`,
    'SQLITE_CANTOPEN',
    { hint: hints[errno ?? ''] ?? otherHint, details: { file, operation: 'open', errno }, cause },
  );
}

const tooManyFiles = 'Close what is not needed, or raise the limit of open files (`ulimit -n`), then open again.';
const noRights =
  'Give this user the right to reach the file: to search every folder of its path, to read and write it.';

const hints: Readonly<Record<string, string>> = {
  EMFILE: tooManyFiles,
  ENFILE: 'The whole system has too many files open: raise `fs.file-max`, or stop the programs that hold them.',
  ENOMEM: 'The system has no memory for another open file: free some, or raise the limit of the container or service.',
  EACCES: noRights,
  EPERM: noRights,
  ELOOP: 'Some symbolic links of the path lead in a circle: correct them.',
};
const otherHint = 'The file or its folder cannot be read: check the path, and the disk (dmesg, smartctl).';

/** True for errors that Node builds from a failed system call. */
function isSystemError(error: unknown): boolean {
  return textOf(error, 'code') !== null && textOf(error, 'syscall') !== null;
}
