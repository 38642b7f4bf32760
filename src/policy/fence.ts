/** Whether a failure of the storage fences the file: a pure decision over the result code and the operation. */
import type { WriteObstacle } from '../filesystem/write-obstacle';

/**
 * What was going on when SQLite failed.
 *
 * - `commit`: COMMIT, END or RELEASE, which only write what was prepared before
 * - `write`: a statement that commits by itself, and so also reads and may write temporary files
 * - `statement`: anything inside a transaction, and whatever only reads
 * - `checkpoint`: also the last one, in `close()`
 * - `open`: recovery and the switch of the journal mode
 * - `copy`: VACUUM INTO, whose destination may be what failed
 */
export type OperationKind = 'commit' | 'write' | 'statement' | 'checkpoint' | 'open' | 'copy';

export interface StorageFailure {
  /** Extended result code. */
  readonly code: string;
  readonly kind: OperationKind;
  readonly journalMode: string;
  /** Only looked for where `explainedByObstacle` says so; `null`: writing is possible, or it fails with EIO. */
  readonly obstacle: WriteObstacle | null;
}

export interface FenceDecision {
  readonly fence: boolean;
  readonly reason: string;
}

/** The disk did not confirm: for whatever errno, and never again for the same data. */
const unsynced = new Set(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_DIR_FSYNC']);

/** Writes that fail for want of room, quota or rights have the same code as those that the medium refuses. */
const unwritten = new Set([
  'SQLITE_IOERR_WRITE',
  'SQLITE_IOERR_TRUNCATE',
  'SQLITE_IOERR_SHMOPEN',
  'SQLITE_IOERR_SHMSIZE',
]);

/** Shared memory and the state of a file: without them a commit may be half entered into the index of the WAL. */
const unsure = new Set([
  'SQLITE_IOERR',
  'SQLITE_IOERR_SHMMAP',
  'SQLITE_IOERR_SHMLOCK',
  'SQLITE_IOERR_FSTAT',
  'SQLITE_IOERR_SEEK',
  'SQLITE_IOERR_CLOSE',
  'SQLITE_IOERR_VNODE',
]);

/** What was read is not what was written, or could not be read at all. */
const unread = new Set([
  'SQLITE_IOERR_READ',
  'SQLITE_IOERR_SHORT_READ',
  'SQLITE_IOERR_CORRUPTFS',
  'SQLITE_IOERR_IN_PAGE',
  'SQLITE_IOERR_DATA',
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
]);

/** Whether it is worth to look for an obstacle before the decision. */
export function explainedByObstacle(code: string): boolean {
  return unwritten.has(code);
}

/**
 * Decides by the first rule that fits.
 *
 * The kernel reports a lost write once and then calls the page clean, so the next fsync says that all is well; a
 * checkpoint or `close()` after that copies frames that are no longer in the WAL on the disk. Measured on ext4 and xfs:
 * a second checkpoint gave a malformed database, while `SIGKILL` in its place left a sound one.
 */
export function decideFence({ code, kind, journalMode, obstacle }: StorageFailure): FenceDecision {
  if (kind === 'copy') return pass('the file that failed may be the copy, which nobody relies on');
  if (unsynced.has(code)) {
    return fence('the disk did not confirm what was written, and its next confirmation cannot be believed');
  }
  if (unwritten.has(code) && obstacle !== null) {
    return pass(`nothing was lost: the system refuses to write there (${obstacle}), and says so each time`);
  }
  if (kind === 'statement') {
    return pass('nothing was acknowledged: what failed only read, or belongs to a transaction that can be rolled back');
  }
  if (kind === 'open') return pass('nothing was written through this connection yet, and it was not opened');
  if (unwritten.has(code)) {
    return journalMode === 'wal'
      ? fence('the medium refused a write')
      : pass('the journal was synced before the database was written, and SQLite plays it back');
  }
  if (unsure.has(code)) {
    return journalMode === 'wal'
      ? fence('the WAL and its index in shared memory may not agree any more')
      : fence('SQLite does not know any more what state the file is in');
  }
  if (unread.has(code)) {
    // A statement that commits by itself reads pages first; one damaged page of one table must not stop the others.
    return kind === 'write'
      ? pass('the damage was met while reading, before anything was written')
      : fence('a checkpoint or commit met damage: what it copies or continues may not be what was committed');
  }
  return pass('this is no failure of the storage');
}

function fence(reason: string): FenceDecision {
  return { fence: true, reason };
}

function pass(reason: string): FenceDecision {
  return { fence: false, reason };
}
