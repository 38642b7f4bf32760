/** What became of a transaction whose COMMIT failed: a pure decision over the facts of SQLite's journals. */

export type CommitOutcome = 'rolled-back' | 'unknown';

export interface FailedCommit {
  /** Extended result code. */
  readonly code: string;
  readonly journalMode: string;
  /** The transaction is still open after the failure (BUSY at COMMIT, a deferred foreign key). */
  readonly stillOpen: boolean;
}

export interface JudgedCommit {
  /** `null`: the transaction is still open, so nothing became of it yet. */
  readonly outcome: CommitOutcome | null;
  readonly reason: string;
}

/** Codes after which the frames of the commit may stand in the WAL, valid to the recovery of the next process. */
const framesMayStand = new Set(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR']);

/**
 * Measured: after a failed fsync of the WAL the row is invisible to every live process, gone after the next commit,
 * and back after `SIGKILL`; after a failed sync of a truncated journal, or of the folder once the journal is unlinked,
 * the commit is applied although COMMIT failed.
 *
 * @see https://sqlite.org/atomiccommit.html section 3.11: the commit happens when the journal is deleted
 */
export function judgeFailedCommit(commit: FailedCommit): JudgedCommit {
  if (commit.stillOpen) return { outcome: null, reason: 'SQLite kept the transaction open' };
  if (commit.journalMode === 'wal') {
    return framesMayStand.has(commit.code)
      ? { outcome: 'unknown', reason: 'its frames may stand in the WAL and come back after a crash' }
      : { outcome: 'rolled-back', reason: 'its commit frame was not written' };
  }
  if (commit.code === 'SQLITE_IOERR_DIR_FSYNC') {
    return { outcome: 'unknown', reason: 'the journal is unlinked; only the sync of its folder failed' };
  }
  const invalidatesInPlace = commit.journalMode === 'truncate' || commit.journalMode === 'persist';
  if (invalidatesInPlace && framesMayStand.has(commit.code)) {
    return { outcome: 'unknown', reason: 'the journal may be invalidated already; only its sync failed' };
  }
  return { outcome: 'rolled-back', reason: 'SQLite played the journal back' };
}
