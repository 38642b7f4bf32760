/** Decides whether a transaction whose COMMIT failed is stored, from the facts of SQLite's journals. Pure. */
import { resolveCode } from '../errors/result-codes';

export type CommitOutcome = 'rolled-back' | 'unknown';

/** A database of the connection that has a file. */
export interface CommittedFile {
  /** Canonical path. */
  readonly file: string;
  readonly journalMode: string;
}

export interface FailedCommit {
  /** Extended result code. */
  readonly code: string;
  /** Every file that the transaction can have written; `null` if SQLite could not be asked. */
  readonly files: readonly CommittedFile[] | null;
  /** True if it can have written several of them: a single autocommit statement writes one. */
  readonly several: boolean;
  /** True if the main database has a file. Without one SQLite makes no super-journal. */
  readonly mainHasFile: boolean;
  /** The system refuses to write there (no room, no quota, no right), and says so before it takes a byte. */
  readonly refusedByTheSystem?: boolean;
  /** The transaction is still open after the failure (BUSY at COMMIT, a deferred foreign key). */
  readonly stillOpen: boolean;
}

export interface JudgedCommit {
  /** `null`: no commit failed. The transaction is still open, or the statement failed before the commit. */
  readonly outcome: CommitOutcome | null;
  readonly reason: string;
}

/** Failures of the disk and of memory; all others concern the statement and precede its commit. */
const strikesCommits: ReadonlySet<string> = new Set(['SQLITE_IOERR', 'SQLITE_FULL', 'SQLITE_NOMEM', 'SQLITE_CORRUPT']);

/**
 * In WAL mode COMMIT writes the frames, syncs them, and then enters them in the index (`walFrames` in wal.c). A failure
 * there (a sync, a lock, the growth of the `-shm` or memory for it) leaves frames that recovery accepts as valid.
 */
const strikesAfterFrames: ReadonlySet<string> = new Set(['SQLITE_IOERR', 'SQLITE_NOMEM']);

/** Failures after the journal is deleted: the sync of its folder, and the downgrade of the exclusive lock. */
const strikesAfterCommit: ReadonlyMap<string, string> = new Map([
  ['SQLITE_IOERR_DIR_FSYNC', 'the journal is unlinked; only the sync of its folder failed'],
  ['SQLITE_IOERR_UNLOCK', 'the journal may be gone already; only the release of the lock failed'],
  ['SQLITE_IOERR_RDLOCK', 'the journal may be gone already; only the step back to a shared lock failed'],
]);

/** With a journal that is invalidated in place, the last step is a write and its sync. */
const strikesLastStep: ReadonlySet<string> = new Set(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR']);

/** True if a failure with this code, after which no transaction is open, can have struck a commit. */
export function canStrikeCommit(code: string): boolean {
  return strikesCommits.has(familyOf(code));
}

/**
 * Measured: after a failed sync of the WAL, or a failed growth of its index, the row is invisible to every live
 * process, gone after the next commit, and back after `SIGKILL`; after a failed sync of a truncated journal, or of the
 * folder once the journal is unlinked, or a failed unlock after that, the commit is applied although COMMIT failed.
 *
 * Several files: SQLite commits those in WAL mode one after the other (`vdbeCommit` in vdbeaux.c), and makes one
 * super-journal for those with a rollback journal if the main database has a file (https://sqlite.org/atomiccommit.html
 * section 5). With one file in WAL mode among several, or an in-memory main database, the first may be committed when
 * the second fails for any reason, even one for which the second is certainly rolled back.
 *
 * @see https://sqlite.org/atomiccommit.html section 3.11: the commit happens when the journal is deleted
 */
export function judgeFailedCommit(commit: FailedCommit): JudgedCommit {
  const { code, files, several, mainHasFile, stillOpen, refusedByTheSystem = false } = commit;
  if (stillOpen) return { outcome: null, reason: 'SQLite kept the transaction open' };
  if (!canStrikeCommit(code)) return { outcome: null, reason: 'the statement failed before anything was committed' };
  if (files === null) return { outcome: 'unknown', reason: 'SQLite could not be asked which files it has' };
  const atomic = mainHasFile && files.every(({ journalMode }) => journalMode !== 'wal');
  if (several && files.length > 1 && !atomic) {
    return { outcome: 'unknown', reason: 'SQLite commits the files one after the other, and some may be committed' };
  }
  const judged = files.map(({ journalMode }) => judgeFile(code, journalMode, refusedByTheSystem));
  return (
    judged.find(({ outcome }) => outcome === 'unknown') ??
    judged[0] ?? { outcome: 'rolled-back', reason: 'there is no file that could hold it' }
  );
}

/** Judges one file, or several that commit as one. */
function judgeFile(code: string, journalMode: string, refusedByTheSystem: boolean): JudgedCommit {
  if (journalMode === 'wal') {
    // As SQLITE_FULL: `walFrames` gives up at the first frame that is not written, and the last one commits.
    if (code === 'SQLITE_IOERR_WRITE' && refusedByTheSystem) {
      return { outcome: 'rolled-back', reason: 'the system refused the write, so its commit frame was not written' };
    }
    return strikesAfterFrames.has(familyOf(code))
      ? { outcome: 'unknown', reason: 'its frames may stand in the WAL and come back after a crash' }
      : { outcome: 'rolled-back', reason: 'its commit frame was not written' };
  }
  const afterCommit = strikesAfterCommit.get(code);
  if (afterCommit !== undefined) return { outcome: 'unknown', reason: afterCommit };
  const invalidatesInPlace = journalMode === 'truncate' || journalMode === 'persist';
  if (invalidatesInPlace && strikesLastStep.has(code)) {
    return { outcome: 'unknown', reason: 'the journal may be invalidated already; only its sync failed' };
  }
  return { outcome: 'rolled-back', reason: 'SQLite played the journal back' };
}

function familyOf(code: string): string {
  return resolveCode(code)?.primaryCode ?? code;
}
