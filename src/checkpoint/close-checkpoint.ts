/** The checkpoint that `close()` makes itself, because SQLite's own would fail without a word. */
import { sleepSync } from '../base/sleep';
import { faultOf, noticeMarker } from '../fence/fence';
import { SqliteResultError } from '../errors/sqlite-errors';
import type { FileScheduler } from './scheduler';
import type { FileUser } from './file-user';

/**
 * How the native connection is to be closed afterwards: `ordinary`, where SQLite has nothing left to copy and removes
 * the `-wal` when it is alone; or in a way that leaves the WAL as it is.
 */
export type CloseMode = 'ordinary' | 'without-checkpoint';

/** ms. A checkpoint that runs in the maintenance thread ends in this time, unless the disk hangs. */
const settleMs = 60_000;
/** Another process that closes at the same time is done in a moment. */
const busyTries = 5;
const busyPauseMs = 10;

/**
 * Copies what is left in the WAL when `user` is the last of this thread that may write to the file. `leaves` says what
 * goes: the connection with all its names for the file, which may be attached several times, or this one name.
 *
 * @throws the error of a fault that fences the file; `TypeError` while a statement runs. A failure that is no such
 *   fault (a full disk) is reported as `checkpointFailed`: everything stays in the WAL.
 */
export function checkpointBeforeClose(
  user: FileUser,
  scheduler: FileScheduler,
  leaves: 'connection' | 'name',
): CloseMode {
  const stays = ({ connection }: FileUser): boolean => leaves === 'name' || connection !== user.connection;
  const others = [...scheduler.users].some(each => each !== user && each.checkpoints && stays(each));
  if (!user.checkpoints || others) return 'ordinary';
  scheduler.halt();
  // Another process may have met a fault since the last look.
  if (noticeMarker(scheduler.target)) return 'without-checkpoint';
  // A job whose connection is still open would be the last one of the file and checkpoint it unseen.
  if (!scheduler.settle(settleMs)) return 'without-checkpoint';
  if (scheduler.settings !== 'off' && scheduler.settings.owner === 'external') return 'without-checkpoint';
  try {
    for (let tries = 1; scheduler.runHere(user).busy && tries < busyTries; tries++) sleepSync(busyPauseMs);
    // Incomplete: another process reads or checkpoints, and SQLite leaves the WAL to it.
    return 'ordinary';
  } catch (error) {
    if (!(error instanceof SqliteResultError) || faultOf(scheduler.target.key) !== null) throw error;
    return 'without-checkpoint';
  }
}
