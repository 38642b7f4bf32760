/** Implements the job that copies one snapshot page by page with SQLite's backup API. */
import { performance } from '../../base/clock';
import { MaintenanceError } from '../../errors/refusals';
import type { NativeDatabase } from '../../native/better-sqlite3';
import { readHeader } from '../read-header';
import { missingBytes, refuseImpossible } from '../truncated-file';
import type { CopyProgress, CopyResult, HeaderFacts } from '../messages';

export interface OnlineSettings {
  readonly schema: string;
  readonly destination: string;
  /**
   * `'hold'`: keep a read transaction open on the source; commits of other connections then cannot restart the copy
   * (measured: no restart under a commit every 5 ms). `'none'` if the connection is the caller's, who may be in a
   * transaction.
   */
  readonly snapshot: 'hold' | 'none';
}

/** Called after each step; returns the number of pages of the next one, 0 for none in this turn. */
export type Steer = (progress: CopyProgress) => number;

/**
 * Copies `schema` to `destination`.
 *
 * better-sqlite3's `backup()` resolves with `totalPages: 0` and no file if its first step meets a lock, so a copy
 * without pages counts as a failure here.
 *
 * @see https://sqlite.org/backup.html
 */
export async function onlineBackup(
  db: NativeDatabase.Database,
  settings: OnlineSettings,
  onStart: (header: HeaderFacts) => void,
  steer: Steer,
): Promise<CopyResult> {
  const started = performance.now();
  if (settings.snapshot === 'hold') {
    db.exec('BEGIN');
    // BEGIN alone takes no lock: the first read does. https://sqlite.org/lang_transaction.html
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
  }
  try {
    const header = readHeader(db, settings.schema);
    onStart(header);
    const missing = settings.snapshot === 'hold' ? missingBytes(db, settings.schema) : null;
    refuseImpossible(missing);
    // better-sqlite3 documents `attached`, but @types/better-sqlite3 lacks it.
    const options: NativeDatabase.BackupOptions & { attached: string } = { attached: settings.schema, progress: steer };
    const done = await db.backup(settings.destination, options);
    if (done.totalPages === 0 && header.pages > 0) {
      throw new MaintenanceError(`The backup of ${db.name} met a lock at its first step, and nothing was copied.`, {
        details: { file: db.name, destination: settings.destination, pages: header.pages },
      });
    }
    return {
      sourceHeaders: [header, readHeader(db, settings.schema)],
      copiedPages: done.totalPages,
      missing,
      durationMs: performance.now() - started,
    };
  } finally {
    if (settings.snapshot === 'hold') db.exec('ROLLBACK');
  }
}
