/** Implements the job that makes a database file complete by itself. */
import type { NativeDatabase } from '../../native/better-sqlite3';
import type { FoldResult } from '../messages';

/**
 * Folds the WAL or a hot journal into the database and leaves it in `journal_mode=DELETE`, without sidecars.
 *
 * Each is a crash-safe step of SQLite itself. Leaving WAL mode needs exclusive access to the file, and so does `BEGIN
 * EXCLUSIVE`: success proves that no other connection holds a lock. @see
 * https://sqlite.org/wal.html#persistence_of_wal_mode
 */
export function fold(db: NativeDatabase.Database): FoldResult {
  // Only macOS has them: a plain fsync there leaves what was copied in the cache of the drive.
  db.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
  const journalMode = String(db.pragma('journal_mode=DELETE', { simple: true }));
  db.exec('BEGIN EXCLUSIVE');
  try {
    return { journalMode, pages: Number(db.pragma('page_count', { simple: true })) };
  } finally {
    db.exec('ROLLBACK');
  }
}
