/** Implements the job that checks whether a file is a database and is unused. */
import { isSqliteFailure } from '../../errors/translate';
import type { NativeDatabase } from '../../native/better-sqlite3';
import type { ProbeResult } from '../messages';

/** Reads the header and takes the exclusive lock, without waiting; writes nothing. */
export function probe(db: NativeDatabase.Database): ProbeResult {
  db.pragma('page_count');
  db.exec('BEGIN EXCLUSIVE');
  db.exec('ROLLBACK');
  return { state: 'database' };
}

/** Interprets a failed probe; any other error is rethrown. */
export function probeFailure(error: unknown): ProbeResult {
  if (!isSqliteFailure(error)) throw error;
  if (error.code === 'SQLITE_NOTADB') return { state: 'other' };
  if (error.code.startsWith('SQLITE_BUSY')) return { state: 'locked' };
  // A damaged database is still a database, and so is a read-only one.
  if (error.code.startsWith('SQLITE_CORRUPT') || error.code.startsWith('SQLITE_READONLY')) return { state: 'database' };
  throw error;
}
