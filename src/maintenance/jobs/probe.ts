/** The job that looks whether a file is a database that nobody uses. */
import { isSqliteFailure } from '../../errors/translate';
import type { NativeDatabase } from '../../native/better-sqlite3';
import type { ProbeResult } from '../messages';

/** Reads the header and takes the lock that no other connection may share, without waiting; writes nothing. */
export function probe(db: NativeDatabase.Database): ProbeResult {
  db.pragma('page_count');
  db.exec('BEGIN EXCLUSIVE');
  db.exec('ROLLBACK');
  return { state: 'database' };
}

/** What a failed look says; any other error is thrown on. */
export function probeFailure(error: unknown): ProbeResult {
  if (!isSqliteFailure(error)) throw error;
  if (error.code === 'SQLITE_NOTADB') return { state: 'other' };
  if (error.code.startsWith('SQLITE_BUSY')) return { state: 'locked' };
  // A damaged database is one, and so is one that may only be read.
  if (error.code.startsWith('SQLITE_CORRUPT') || error.code.startsWith('SQLITE_READONLY')) return { state: 'database' };
  throw error;
}
