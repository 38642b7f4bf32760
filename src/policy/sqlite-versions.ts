/** Lists released versions of SQLite that corrupt or lose data, and matches them with the use of a database. Pure. */

/** The use of a database, as far as a bug depends on it. */
export interface SqliteUse {
  /** `null`: either, or unknown. */
  readonly journal: 'wal' | 'rollback' | null;
  /** Transactions may span several attached databases, or a hot journal of such a transaction may exist. */
  readonly severalDatabases: boolean;
  readonly platform: NodeJS.Platform;
}

export interface VersionProblem {
  /** Stable name. */
  readonly name: string;
  /** What goes wrong, one sentence. */
  readonly what: string;
  /** Versions that have the fix. */
  readonly fixedIn: string;
  /** The page on which SQLite's authors describe it. */
  readonly source: string;
}

interface VersionBug extends VersionProblem {
  /** First version that has the bug. */
  readonly from: string;
  /** Last version that has it. */
  readonly through: string;
  /** Versions in between with a backported fix: `3.50.7` frees 3.50.7 and later 3.50.x. */
  readonly backports: readonly string[];
  readonly applies: (use: SqliteUse) => boolean;
}

const always = () => true;
const withWal = (use: SqliteUse) => use.journal !== 'rollback';
const withRollback = (use: SqliteUse) => use.journal !== 'wal';

const changes = 'https://sqlite.org/changes.html';

export const versionBugs: readonly VersionBug[] = [
  {
    name: 'wal-reset',
    what: 'A checkpoint that starts while a writer resets the WAL marks frames as copied that were not: pages are lost and indexes go wrong.',
    from: '3.7.0',
    through: '3.51.2',
    backports: ['3.50.7', '3.44.6'],
    fixedIn: '3.51.3, 3.50.7, 3.44.6 and 3.53.0',
    source: 'https://sqlite.org/wal.html#walresetbug',
    applies: withWal,
  },
  {
    name: 'withdrawn-release',
    what: 'The authors of SQLite withdrew this release, because some of its new features do not work with other releases.',
    from: '3.52.0',
    through: '3.52.0',
    backports: [],
    fixedIn: '3.51.3 and 3.53.0',
    source: 'https://sqlite.org/news.html',
    applies: always,
  },
  {
    name: 'zeroed-super-journal-name',
    what: 'The journal of a crashed transaction over several databases is deleted without being played back.',
    from: '3.53.3',
    through: '3.53.3',
    backports: [],
    fixedIn: '3.53.4',
    source: changes,
    applies: use => use.severalDatabases || use.journal !== 'wal',
  },
  {
    name: 'statement-journal-rollback',
    what: 'Rolling back a savepoint may leave the database inconsistent: a boundary check of the journal in memory is wrong.',
    from: '3.35.0',
    through: '3.37.1',
    backports: [],
    fixedIn: '3.37.2',
    source: changes,
    applies: always,
  },
  {
    name: 'windows-hot-journal-race',
    what: 'Two processes that recover the same journal at once can corrupt the database.',
    from: '3.7.0',
    through: '3.7.16.1',
    backports: [],
    fixedIn: '3.7.16.2',
    source: changes,
    applies: use => use.platform === 'win32' && withRollback(use),
  },
  {
    name: 'mixed-version-size',
    what: 'A file that was also written by 3.6.23 or older and then shrunk is reported as corrupt.',
    from: '3.7.0',
    through: '3.7.5',
    backports: [],
    fixedIn: '3.7.6',
    source: changes,
    applies: always,
  },
  {
    name: 'wal-toggle-stale-cache',
    what: 'Leaving and entering WAL mode with a VACUUM in between leaves a stale cache in another process.',
    from: '3.7.0',
    through: '3.7.4',
    backports: [],
    fixedIn: '3.7.5',
    source: changes,
    applies: always,
  },
  {
    name: 'shared-memory-lock-error',
    what: 'An I/O error while shared memory is locked leaves a stale cache.',
    from: '3.7.0',
    through: '3.7.2',
    backports: [],
    fixedIn: '3.7.3',
    source: changes,
    applies: withWal,
  },
  {
    name: 'incremental-vacuum',
    what: '`incremental_vacuum` loses pages of the free list.',
    from: '3.6.16',
    through: '3.7.1',
    backports: [],
    fixedIn: '3.7.2',
    source: changes,
    applies: always,
  },
  {
    name: 'growth-after-old-version',
    what: 'A file that 3.6.23.1 wrote and 3.7.0 grows is damaged.',
    from: '3.7.0',
    through: '3.7.0',
    backports: [],
    fixedIn: '3.7.1',
    source: changes,
    applies: always,
  },
];

/** Each open asks for the same version. */
let last: { readonly version: string; readonly bugs: readonly VersionBug[] } = { version: '', bugs: [] };

/** Returns the bugs of `version` that apply to `use`, newest first. */
export function versionProblems(version: string, use: SqliteUse): readonly VersionProblem[] {
  if (last.version !== version) last = { version, bugs: versionBugs.filter(bug => isAffected(bug, version)) };
  return last.bugs
    .filter(bug => bug.applies(use))
    .map(({ name, what, fixedIn, source }) => ({ name, what, fixedIn, source }));
}

function isAffected(bug: VersionBug, version: string): boolean {
  if (compareVersions(version, bug.from) < 0 || compareVersions(version, bug.through) > 0) return false;
  return !bug.backports.some(backport => sameBranch(version, backport) && compareVersions(version, backport) >= 0);
}

function sameBranch(left: string, right: string): boolean {
  return compareVersions(branch(left), branch(right)) === 0;
}

function branch(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** Compares dotted numbers; a missing part counts as 0. */
export function compareVersions(left: string, right: string): number {
  const a = left.split('.').map(Number);
  const b = right.split('.').map(Number);
  for (let part = 0; part < Math.max(a.length, b.length); part++) {
    const difference = (a[part] ?? 0) - (b[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
