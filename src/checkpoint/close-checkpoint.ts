/** Runs the final checkpoint in `close()`, because SQLite's own would discard its errors. */
import { sleepSync } from '../base/sleep';
import { faultOf, noticeMarker } from '../fence/fence';
import { SqliteResultError } from '../errors/sqlite-errors';
import type { FileScheduler } from './scheduler';
import type { FileUser } from './file-user';

/**
 * How to close the native connection afterwards: `ordinary`, if SQLite has nothing left to copy and the last connection
 * removes the `-wal`; or without a checkpoint, which leaves the WAL unchanged.
 */
export type CloseMode = 'ordinary' | 'without-checkpoint';

/** Milliseconds. A checkpoint in the maintenance thread ends within this time, unless the disk hangs. */
const idleWithinMs = 60_000;
/** Another process that closes at the same time finishes quickly. */
const busyTries = 5;
const busyPauseMs = 10;

/**
 * Copies the rest of the WAL if `user` is the last of this thread that may write to the file. `leaves` tells what
 * closes: the connection with all its names for the file, which may be attached several times, or this one name.
 * `nothingToCopy`: the WAL was seen without frames just now.
 *
 * @throws the error of a fault that fences the file; `TypeError` while a statement runs. Any other failure
 *   (a full disk) is reported as `checkpointFailed`: everything stays in the WAL.
 */
export function checkpointBeforeClose(
  user: FileUser,
  scheduler: FileScheduler,
  leaves: 'connection' | 'name',
  nothingToCopy = false,
): CloseMode {
  const stays = ({ connection }: FileUser): boolean => leaves === 'name' || connection !== user.connection;
  const others = [...scheduler.users].some(each => each !== user && each.checkpoints && stays(each));
  if (!user.checkpoints || others) return 'ordinary';
  scheduler.halt();
  // Another process may have met a fault since the last check.
  if (noticeMarker(scheduler.target)) return 'without-checkpoint';
  // A job's connection that is still open would be the last one of the file, and its checkpoint would go unreported.
  if (!scheduler.waitUntilIdle(idleWithinMs)) return 'without-checkpoint';
  if (scheduler.settings !== 'off' && scheduler.settings.owner === 'external') return 'without-checkpoint';
  // SQLite's own checkpoint has nothing to copy either, unless another process commits and dies between the two. Its frames
  // were synced by that commit; an error of copying them would go unreported, and they would stay in the WAL.
  if (nothingToCopy) return 'ordinary';
  try {
    for (let tries = 1; scheduler.runHere(user).busy && tries < busyTries; tries++) sleepSync(busyPauseMs);
    // Incomplete: another process reads or checkpoints, and SQLite leaves the WAL to it.
    return 'ordinary';
  } catch (error) {
    if (!(error instanceof SqliteResultError) || faultOf(scheduler.target.key) !== null) throw error;
    return 'without-checkpoint';
  }
}
