/**
 * Catches the end of a WAL that is being written to.
 *
 *     writer      commit   commit         commit           commit        commit: the WAL starts over
 *     this        [1000 pages ......][sync]........[60 pages]........[60 pages]
 *
 * A passive checkpoint behind which something was committed was complete when it began, but SQLite goes on appending to the
 * WAL, and it has not synced the database (wal.c, walCheckpoint): whoever catches the end has to write out all of it,
 * and where commits leave no gap that is the thread of the application. So the long sync is done here, and others follow
 * that have little to copy, each right behind a commit, where the gap before the next one is the longest.
 */
import { performance } from '../../base/clock';
import type { FileIdentity } from '../../base/file-identity';
import { hasFenceMarker } from '../../filesystem/fence-marker';
import type { NativeDatabase } from '../../native/better-sqlite3';
import { prepareWalFrames, type WalFrames } from '../../native/wal-frames';
import { isAbortRequested, pause, type SharedState } from '../shared-state';
import type { CheckpointResult } from '../messages';
import { syncDatabase } from './sync-database';

/** ms. A gap that is longer than this is long enough. */
const longestWaitMs = 50;
/** ms between two looks for a commit, and before another try behind one: a part of the time of one. */
const lookMs = 0.5;

interface CatchUp {
  readonly checkpoint: () => CheckpointResult;
  /** How many checkpoints may follow the first one. */
  readonly follow: number;
  readonly database: FileIdentity | null;
  readonly control: SharedState;
}

/** Returns the result of the last checkpoint; an abort, or a fence, ends it before the next step. */
export function catchUp(db: NativeDatabase.Database, job: CatchUp): CheckpointResult {
  const { follow, database, control } = job;
  const checkpoint = (): CheckpointResult => {
    const first = job.checkpoint();
    if (first.complete || first.busy) return first;
    // A commit in its last moment looks like a reader of the state before it.
    pause(control, lookMs);
    return isStopped(db, control) ? first : job.checkpoint();
  };
  let result = checkpoint();
  const look = prepareWalFrames(db, 'main');
  if (look === null) return result;
  for (let followed = 0; result.complete; followed += 1) {
    const { frames, copied } = look();
    if (frames === copied || isStopped(db, control)) break;
    if (database !== null) syncDatabase(database);
    if (followed === follow) break;
    awaitCommit(look, frames, control);
    if (isStopped(db, control)) break;
    result = checkpoint();
  }
  return result;
}

function isStopped(db: NativeDatabase.Database, control: SharedState): boolean {
  return isAbortRequested(control) || hasFenceMarker(db.name);
}

function awaitCommit(look: () => WalFrames, frames: number, control: SharedState): void {
  const until = performance.now() + longestWaitMs;
  while (look().frames === frames && performance.now() < until && !isAbortRequested(control)) pause(control, lookMs);
}
