/** The checkpoint job. */
import { statSync } from 'node:fs';
import type { NativeDatabase } from '../../native/better-sqlite3';
import { prove } from '../job-connection';
import type { CheckpointJob, CheckpointResult } from '../protocol';

interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
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
): CheckpointResult {
  const started = performance.now();
  if (job.fullfsync === true) prove(db, 'checkpoint_fullfsync', 1);
  const rows = db.pragma(`wal_checkpoint(${job.mode === 'truncate' ? 'TRUNCATE' : 'PASSIVE'})`) as CheckpointRow[];
  const row = rows[0] ?? { busy: 1, log: -1, checkpointed: -1 };
  return {
    mode: job.mode,
    complete: row.busy === 0 && row.log === row.checkpointed,
    busy: row.busy !== 0,
    walFrames: Math.max(0, row.log),
    checkpointedFrames: Math.max(0, row.checkpointed),
    walBytes: statSync(`${db.name}-wal`, { throwIfNoEntry: false })?.size ?? 0,
    durationMs: performance.now() - started,
  };
}
