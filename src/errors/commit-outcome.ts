/** Decides what became of a transaction whose COMMIT failed. */
import type { CommitOutcome } from './sqlite-errors';

/**
 * Codes after which the transaction is certainly undone: measured by making the system call fail, in both journal
 * modes, and looking at the file after a crash. Any other I/O error leaves it open, above all SQLITE_IOERR_FSYNC: in
 * WAL mode the commit frame is already written, and recovery after a crash brings the transaction back; with
 * `journal_mode=TRUNCATE` and for SQLITE_IOERR_DIR_FSYNC it is already applied.
 */
const undone: ReadonlySet<string> = new Set([
  'SQLITE_FULL',
  'SQLITE_IOERR_WRITE',
  'SQLITE_IOERR_TRUNCATE',
  'SQLITE_IOERR_DELETE',
]);

const unknown: ReadonlySet<string> = new Set(['SQLITE_IOERR', 'SQLITE_CORRUPT', 'SQLITE_NOMEM']);

/**
 * What became of the transaction when COMMIT failed with `code` (of the family `primaryCode`).
 *
 * `undefined` while the transaction is still open (SQLITE_BUSY, or a deferred foreign key): COMMIT may be run again.
 */
export function commitOutcome(code: string, primaryCode: string, stillOpen: boolean): CommitOutcome | undefined {
  if (stillOpen) return undefined;
  if (undone.has(code)) return 'rolled-back';
  return unknown.has(primaryCode) ? 'unknown' : 'rolled-back';
}
