/** Implements the checkpoint job. */
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

/** The target of a checkpoint: a schema of the connection and its file; by default `main` and its file. */
export interface CheckpointPlace {
  readonly schema: string;
  readonly file: string;
}

/**
 * Runs one checkpoint and returns its result.
 *
 * A checkpoint that a reader blocks reports `busy=0` with fewer frames copied than exist; only both together show that
 * it is complete. A database without a WAL reports -1 for both.
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
