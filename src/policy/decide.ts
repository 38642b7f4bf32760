/** Decides how a database is opened, or that it is refused, from filesystem, options, platform and SQLite version. */
import { UnsafeSqliteVersionError } from '../errors/refusals';
import type { FilesystemReport } from '../filesystem/report';
import type { Plan, PlanWarning } from './plan';
import { rollbackMode } from './protections';
import { versionProblems, type VersionProblem } from './sqlite-versions';
import { canBeOverridden, place, readOnlyGround, unsafeFilesystem, walImpossible } from './unsafe-filesystem';

export interface DecisionInput {
  /** `null` only for a database without a file. */
  readonly filesystem: FilesystemReport | null;
  readonly storage: Plan['storage'];
  /** Canonical path; `null` for a database without a file. */
  readonly file: string | null;
  readonly readonly: boolean;
  readonly journalMode: 'auto' | 'wal' | 'rollback';
  readonly durability: 'full' | 'extra';
  /** Each value is the sentence with the reason; absent or `null`: the protection stays. */
  readonly dangerously: {
    readonly allowNetworkFilesystem?: string | null | undefined;
    readonly allowNonDurableFilesystem?: string | null | undefined;
    readonly allowSqliteVersion?: string | null | undefined;
    readonly allowUnsyncedCommits?: string | null | undefined;
  };
  readonly platform: NodeJS.Platform;
  readonly sqliteVersion: string;
  /** What takes the sync away in this process; `null` or absent: nothing that is known. */
  readonly missingSync?: { readonly library: string | null } | null;
}

export type Decision =
  { readonly verdict: 'open'; readonly plan: Plan } | { readonly verdict: 'refuse'; readonly error: () => Error };

/** The decision by the filesystem alone. */
type FilesystemDecision =
  | { readonly journal: 'wal' | 'rollback' | null; readonly reason: string; readonly warnings: readonly PlanWarning[] }
  | { readonly error: () => Error };

export function decide(input: DecisionInput): Decision {
  const allowed = decideFilesystem(input);
  if ('error' in allowed) return refuse(allowed.error);
  const version = decideVersion(input, allowed.journal);
  if ('error' in version) return refuse(version.error);
  const synchronous = decideSynchronous(input, allowed.journal);
  const fullfsync = input.platform === 'darwin' && input.storage === 'file';
  const reasons = [allowed.reason, synchronous.reason];
  if (fullfsync) reasons.push('On macOS fsync leaves data in the cache of the drive; F_FULLFSYNC flushes it.');
  const plan: Plan = Object.freeze({
    storage: input.storage,
    file: input.file,
    readonly: input.readonly,
    journalMode: allowed.journal === 'rollback' ? rollbackMode(input.platform) : allowed.journal,
    synchronous: synchronous.level,
    fullfsync,
    sqliteVersion: input.sqliteVersion,
    filesystem: input.filesystem,
    reasons: Object.freeze(reasons),
    warnings: Object.freeze([
      ...allowed.warnings,
      ...version.warnings,
      ...warnOfUnsyncedCommits(input),
      ...warnOfMissingSync(input),
      ...warnOfLostFiles(input),
    ]),
  });
  return { verdict: 'open', plan };
}

function refuse(error: () => Error): Decision {
  return { verdict: 'refuse', error };
}

function decideFilesystem(input: DecisionInput): FilesystemDecision {
  const { filesystem: report, readonly } = input;
  if (input.storage !== 'file' || report === null) {
    return {
      journal: null,
      reason: 'The database has no file of its own: there is no journal to choose.',
      warnings: [],
    };
  }
  if (report.verdict === 'refuse') return decideUnsafe(input, report);
  if (readonly) {
    return {
      journal: null,
      reason: 'A read-only connection leaves the journal mode as it is.',
      warnings: report.warnings,
    };
  }
  if (report.verdict === 'read-only') return { error: () => readOnlyGround(report) };
  if (report.verdict === 'rollback' && input.journalMode === 'wal') return { error: () => walImpossible(report) };
  if (report.verdict === 'rollback') {
    return {
      journal: 'rollback',
      reason: `A rollback journal, because WAL is not known to work there: ${report.reason}`,
      warnings: report.warnings,
    };
  }
  return input.journalMode === 'rollback'
    ? {
        journal: 'rollback',
        reason: "A rollback journal, because `journalMode` is 'rollback'.",
        warnings: report.warnings,
      }
    : {
        journal: 'wal',
        reason: `WAL, because the filesystem supports it: ${report.reason}`,
        warnings: report.warnings,
      };
}

/** Decides for a filesystem on which SQLite loses data: opened only with a reason in `dangerously`. */
function decideUnsafe(input: DecisionInput, report: FilesystemReport): FilesystemDecision {
  const why = input.dangerously.allowNetworkFilesystem ?? null;
  if (why === null || !canBeOverridden(report)) return { error: () => unsafeFilesystem(report) };
  if (input.journalMode === 'wal' && !input.readonly) return { error: () => walImpossible(report) };
  const warning: PlanWarning = {
    code: 'network-filesystem-allowed',
    message: `Opened ${place(report)} because dangerously.allowNetworkFilesystem says: ${why} ${report.reason}`,
  };
  const warnings = [warning, ...report.warnings];
  return input.readonly
    ? { journal: null, reason: 'A read-only connection leaves the journal mode as it is.', warnings }
    : {
        journal: 'rollback',
        reason: 'A rollback journal, because WAL needs shared memory between all processes.',
        warnings,
      };
}

function decideVersion(
  input: DecisionInput,
  journal: 'wal' | 'rollback' | null,
): { readonly warnings: readonly PlanWarning[] } | { readonly error: () => Error } {
  if (input.storage !== 'file') return { warnings: [] };
  // An application may attach a second database at any time, and another program may have left such a journal.
  const use = { journal, severalDatabases: true, platform: input.platform };
  const problems = versionProblems(input.sqliteVersion, use);
  if (problems.length === 0) return { warnings: [] };
  const why = input.dangerously.allowSqliteVersion ?? null;
  if (why === null) return { error: () => unsafeVersion(input, problems) };
  return {
    warnings: problems.map(problem => ({
      code: 'unsafe-sqlite-version-allowed',
      message: `SQLite ${input.sqliteVersion} is used because dangerously.allowSqliteVersion says: ${why} ${problem.what} (${problem.source})`,
    })),
  };
}

function unsafeVersion(input: DecisionInput, problems: readonly VersionProblem[]): UnsafeSqliteVersionError {
  const file = input.file ?? 'the database';
  const what = problems.map(problem => `${problem.what} (${problem.source})`).join(' ');
  return new UnsafeSqliteVersionError(
    `Refused to open ${file} with SQLite ${input.sqliteVersion}, which has a released bug: ${what}`,
    {
      hint: `Update better-sqlite3 to a version whose SQLite has the fix: ${problems.map(problem => problem.fixedIn).join('; ')}.`,
      details: { file: input.file, sqliteVersion: input.sqliteVersion, problems },
    },
  );
}

function warnOfUnsyncedCommits({ storage, readonly, dangerously }: DecisionInput): readonly PlanWarning[] {
  const why = dangerously.allowUnsyncedCommits ?? null;
  if (why === null || storage !== 'file' || readonly) return [];
  return [
    {
      code: 'unsynced-commits-allowed',
      message: `SQL may set synchronous=NORMAL, with which a power cut can undo acknowledged commits, because dangerously.allowUnsyncedCommits says: ${why}`,
    },
  ];
}

/** No level of `synchronous` helps against it: SQLite hears that everything is on stable storage. */
function warnOfMissingSync({ storage, readonly, missingSync = null }: DecisionInput): readonly PlanWarning[] {
  if (missingSync === null || storage !== 'file' || readonly) return [];
  const { library } = missingSync;
  const [what, remedy] =
    library === null
      ? ['a sync of what cannot be synced succeeds, as with a seccomp filter that suppresses it', 'such a filter']
      : [`${library} takes it away`, 'it (LD_PRELOAD, /etc/ld.so.preload)'];
  const message = `fsync does nothing in this process: ${what}. A power cut can undo acknowledged commits or damage the database. Start the process without ${remedy}.`;
  return [{ code: 'non-durable-sync', message }];
}

function warnOfLostFiles({
  filesystem,
  storage,
  readonly,
  dangerously,
  missingSync = null,
}: DecisionInput): readonly PlanWarning[] {
  const why = dangerously.allowNonDurableFilesystem ?? null;
  if (why === null || storage !== 'file' || filesystem === null) return [];
  if (filesystem.durable && (missingSync === null || readonly)) return [];
  const message = `A power cut, or the end of the container or mount, can take the database away, which dangerously.allowNonDurableFilesystem accepts: ${why}`;
  return [{ code: 'non-durable-filesystem-allowed', message }];
}

function decideSynchronous(
  input: DecisionInput,
  journal: 'wal' | 'rollback' | null,
): { readonly level: 'full' | 'extra'; readonly reason: string } {
  if (journal === 'rollback' && rollbackMode(input.platform) === 'truncate' && input.durability === 'full') {
    return {
      level: 'full',
      reason:
        'synchronous=FULL with TRUNCATE: SQLite syncs the truncated journal itself, and not its folder durably here.',
    };
  }
  if (journal === 'rollback') {
    // With FULL the unlink of the journal is not synced: after a power cut it returns and rolls the commit back.
    return {
      level: 'extra',
      reason: 'synchronous=EXTRA, because deleting a rollback journal is durable only once its folder is synced.',
    };
  }
  return input.durability === 'extra'
    ? { level: 'extra', reason: "synchronous=EXTRA, because `durability` is 'extra'." }
    : { level: 'full', reason: 'synchronous=FULL, so that a commit returns after its data is on stable storage.' };
}
