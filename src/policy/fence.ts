/** Decides from the result code and the operation whether a storage failure fences the file. Pure. */
import type { WriteObstacle } from '../filesystem/write-obstacle';

/**
 * The operation that failed.
 *
 * - `commit`: COMMIT, END or RELEASE, which only write what earlier statements prepared
 * - `write`: an autocommit statement, which also reads and may write temporary files
 * - `statement`: anything inside a transaction, and every read
 * - `checkpoint`: also the final one, in `close()`
 * - `open`: recovery and the change of the journal mode
 * - `copy`: VACUUM INTO, whose destination may have failed
 */
export type OperationKind = 'commit' | 'write' | 'statement' | 'checkpoint' | 'open' | 'copy';

export interface StorageFailure {
  /** Extended result code. */
  readonly code: string;
  readonly kind: OperationKind;
  readonly journalMode: string;
  /** Determined only if `explainedByObstacle` says so; `null`: writing is possible, or fails with EIO. */
  readonly obstacle: WriteObstacle | null;
}

export interface FenceDecision {
  readonly fence: boolean;
  readonly reason: string;
}

/** The disk did not confirm, for whatever errno, and will not confirm the same data truthfully again. */
const unsynced = new Set(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_DIR_FSYNC']);

/** Writes that fail for lack of space, quota or rights have the same code as those that the medium rejects. */
const unwritten = new Set([
  'SQLITE_IOERR_WRITE',
  'SQLITE_IOERR_TRUNCATE',
  'SQLITE_IOERR_SHMOPEN',
  'SQLITE_IOERR_SHMSIZE',
]);

/** Shared memory and file state: a failure may leave a commit half entered in the WAL index. */
const unsure = new Set([
  'SQLITE_IOERR',
  'SQLITE_IOERR_SHMMAP',
  'SQLITE_IOERR_SHMLOCK',
  'SQLITE_IOERR_FSTAT',
  'SQLITE_IOERR_SEEK',
  'SQLITE_IOERR_CLOSE',
  'SQLITE_IOERR_VNODE',
]);

/** The data read differs from the data written, or could not be read at all. */
const unread = new Set([
  'SQLITE_IOERR_READ',
  'SQLITE_IOERR_SHORT_READ',
  'SQLITE_IOERR_CORRUPTFS',
  'SQLITE_IOERR_IN_PAGE',
  'SQLITE_IOERR_DATA',
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
]);

/** True if an obstacle could explain this code and should be searched for before the decision. */
export function explainedByObstacle(code: string): boolean {
  return unwritten.has(code);
}

/**
 * Decides by the first matching rule.
 *
 * The kernel reports a lost write once and then marks the page clean, so the next fsync succeeds; a checkpoint or
 * `close()` after that copies frames that are no longer in the WAL on the disk. Measured on ext4 and xfs: a second
 * checkpoint gave a malformed database, while `SIGKILL` instead left a sound one.
 */
export function decideFence({ code, kind, journalMode, obstacle }: StorageFailure): FenceDecision {
  if (kind === 'copy') return pass('the failed file may be the copy, which is not in use');
  if (unsynced.has(code)) {
    return fence('the disk did not confirm the write, and its next confirmation cannot be trusted');
  }
  if (unwritten.has(code) && obstacle !== null) {
    return pass(`nothing was lost: the system refuses the write (${obstacle}) and reports it each time`);
  }
  if (kind === 'statement') {
    return pass('nothing was acknowledged: the failed statement only read, or its transaction can be rolled back');
  }
  if (kind === 'open') return pass('nothing was written through this connection, and it was not opened');
  if (unwritten.has(code)) {
    return journalMode === 'wal'
      ? fence('the medium refused a write')
      : pass('the journal was synced before the database was written, and SQLite plays it back');
  }
  if (unsure.has(code)) {
    return journalMode === 'wal'
      ? fence('the WAL and its index in shared memory may no longer agree')
      : fence('SQLite no longer knows the state of the file');
  }
  if (unread.has(code)) {
    // An autocommit statement reads pages first; one damaged page of one table must not stop the others.
    return kind === 'write'
      ? pass('the damage was met while reading, before anything was written')
      : fence('a checkpoint or commit met damage, and may copy or extend data that was never committed');
  }
  return pass('this is not a storage failure');
}

function fence(reason: string): FenceDecision {
  return { fence: true, reason };
}

function pass(reason: string): FenceDecision {
  return { fence: false, reason };
}
