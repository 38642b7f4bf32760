/** What became of a transaction whose COMMIT failed: a pure decision over the facts of SQLite's journals. */
import { resolveCode } from '../errors/result-codes';

export type CommitOutcome = 'rolled-back' | 'unknown';

export interface FailedCommit {
  /** Extended result code. */
  readonly code: string;
  readonly journalMode: string;
  /** The transaction is still open after the failure (BUSY at COMMIT, a deferred foreign key). */
  readonly stillOpen: boolean;
}

export interface JudgedCommit {
  /** `null`: no commit failed. The transaction is still open, or the statement failed before anything was committed. */
  readonly outcome: CommitOutcome | null;
  readonly reason: string;
}

/** Failures of the disk and of memory; all others are about the statement and come before its commit. */
const strikesCommits: ReadonlySet<string> = new Set(['SQLITE_IOERR', 'SQLITE_FULL', 'SQLITE_NOMEM', 'SQLITE_CORRUPT']);

/**
 * In WAL mode COMMIT writes the frames, syncs them, and then enters them in the index (`walFrames` in wal.c). What
 * fails there, a sync, a lock, the growth of the `-shm` or memory for it, leaves frames that a recovery takes as valid.
 */
const strikesAfterFrames: ReadonlySet<string> = new Set(['SQLITE_IOERR', 'SQLITE_NOMEM']);

/** What comes after the journal is gone: the sync of its folder, and the step back from the exclusive lock. */
const strikesAfterCommit: ReadonlyMap<string, string> = new Map([
  ['SQLITE_IOERR_DIR_FSYNC', 'the journal is unlinked; only the sync of its folder failed'],
  ['SQLITE_IOERR_UNLOCK', 'the journal may be gone already; only the release of the lock failed'],
  ['SQLITE_IOERR_RDLOCK', 'the journal may be gone already; only the step back to a shared lock failed'],
]);

/** With a journal that is made invalid in place, the last step is a write and its sync. */
const strikesLastStep: ReadonlySet<string> = new Set(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR']);

/**
 * Measured: after a failed sync of the WAL, or a failed growth of its index, the row is invisible to every live process,
 * gone after the next commit, and back after `SIGKILL`; after a failed sync of a truncated journal, or of the folder
 * once the journal is unlinked, or a failed unlock after that, the commit is applied although COMMIT failed.
 *
 * @see https://sqlite.org/atomiccommit.html section 3.11: the commit happens when the journal is deleted
 */
export function judgeFailedCommit(commit: FailedCommit): JudgedCommit {
  if (commit.stillOpen) return { outcome: null, reason: 'SQLite kept the transaction open' };
  const family = resolveCode(commit.code)?.primaryCode ?? commit.code;
  if (!strikesCommits.has(family))
    return { outcome: null, reason: 'the statement failed before anything was committed' };
  if (commit.journalMode === 'wal') {
    return strikesAfterFrames.has(family)
      ? { outcome: 'unknown', reason: 'its frames may stand in the WAL and come back after a crash' }
      : { outcome: 'rolled-back', reason: 'its commit frame was not written' };
  }
  const afterCommit = strikesAfterCommit.get(commit.code);
  if (afterCommit !== undefined) return { outcome: 'unknown', reason: afterCommit };
  const invalidatesInPlace = commit.journalMode === 'truncate' || commit.journalMode === 'persist';
  if (invalidatesInPlace && strikesLastStep.has(commit.code)) {
    return { outcome: 'unknown', reason: 'the journal may be invalidated already; only its sync failed' };
  }
  return { outcome: 'rolled-back', reason: 'SQLite played the journal back' };
}
