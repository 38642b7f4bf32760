/** The checkpoint job. */
import { quotedName } from '../../base/sql-name';
import { statSync } from 'node:fs';
import { performance } from '../../base/clock';
import type { NativeDatabase } from '../../native/better-sqlite3';
import { verifyPragma } from '../job-connection';
import type { CheckpointJob, CheckpointResult } from '../messages';

interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Where it runs: a schema of the connection and the file behind it; `main` and its file where nothing else is said. */
export interface CheckpointPlace {
  readonly schema: string;
  readonly file: string;
}

/**
 * Runs one checkpoint and says what became of it.
 *
 * A checkpoint that a reader blocks answers `busy=0` with fewer frames copied than there are, so only the two
 * together tell that it is complete. A database without a WAL answers -1 for both.
 *
 * @see https://sqlite.org/pragma.html#pragma_wal_checkpoint
 */
export function checkpoint(
  db: NativeDatabase.Database,
  job: Pick<CheckpointJob, 'mode' | 'fullfsync'>,
  place: CheckpointPlace = { schema: 'main', file: db.name },
): CheckpointResult {
  const started = performance.now();
  if (job.fullfsync === true) verifyPragma(db, 'checkpoint_fullfsync', 1);
  const schema = quotedName(place.schema);
  const mode = job.mode === 'truncate' ? 'TRUNCATE' : 'PASSIVE';
  const rows = db.pragma(`${schema}.wal_checkpoint(${mode})`) as CheckpointRow[];
  const row = rows[0] ?? { busy: 1, log: -1, checkpointed: -1 };
  return {
    mode: job.mode,
    complete: row.busy === 0 && row.log === row.checkpointed,
    busy: row.busy !== 0,
    walFrames: Math.max(0, row.log),
    checkpointedFrames: Math.max(0, row.checkpointed),
    walBytes: statSync(`${place.file}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    durationMs: performance.now() - started,
  };
}
