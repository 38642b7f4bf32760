/** Implements `db.checkpoint()`, and the cases in which there is nothing to do. */
import type { Connection } from '../connection/connection';
import { SqliteLockedError, SqliteReadonlyError, SqliteResultError } from '../errors/sqlite-errors';
import type { CheckpointMode, CheckpointResult } from '../maintenance/messages';
import { choiceOption } from '../options/checks';
import type { FileScheduler } from './scheduler';

/** `scheduler` is `null` for a database without a file; `assertUsable` throws if the handle is closed or fenced. */
export async function requestCheckpoint(
  connection: Connection,
  scheduler: FileScheduler | null,
  given: CheckpointMode | undefined,
  assertUsable: () => void,
): Promise<CheckpointResult> {
  assertUsable();
  const mode = choiceOption<CheckpointMode>('mode', given, 'passive', ['passive', 'truncate']);
  const user = [...(scheduler?.users ?? [])].find(each => each.connection === connection && each.schema === 'main');
  if (scheduler === null || user === undefined) return nothingToDo(mode);
  if (connection.plan.readonly) throw readonly(connection.file);
  if (connection.native.inTransaction) throw locked(connection.file);
  if (!user.checkpoints) return nothingToDo(mode);
  try {
    return await scheduler.request(mode);
  } catch (error) {
    // Otherwise it was closed, or fenced by another fault, before its turn.
    if (!(error instanceof SqliteResultError)) assertUsable();
    throw error;
  }
}

function nothingToDo(mode: CheckpointMode): CheckpointResult {
  return { mode, complete: true, busy: false, walFrames: 0, checkpointedFrames: 0, walBytes: 0, durationMs: 0 };
}

function readonly(file: string): SqliteReadonlyError {
  return new SqliteReadonlyError(`Cannot checkpoint ${file}: this connection is read-only.`, 'SQLITE_READONLY', {
    hint: 'Checkpoint through a connection that may write; the process that writes does it by itself.',
    details: { file, operation: 'checkpoint' },
  });
}

/** Throws what SQLite itself throws for a checkpoint on a connection in a transaction, even one that only reads. */
function locked(file: string): SqliteLockedError {
  return new SqliteLockedError(`Cannot checkpoint ${file}: this connection has an open transaction.`, 'SQLITE_LOCKED', {
    hint: 'Commit or roll back first: the open transaction would keep the checkpoint from completing.',
    details: { file, operation: 'checkpoint' },
  });
}
