/**
 * Catches up with a WAL that is being written to.
 *
 *     writer      commit   commit         commit           commit        commit: the WAL is reset
 *     this        [1000 pages ......][sync]........[60 pages]........[60 pages]
 *
 * A passive checkpoint that a commit overtook was complete when it began, but SQLite keeps appending to the WAL and has
 * not synced the database (wal.c, walCheckpoint): the connection that catches up has to write all of it out, and
 * without gaps between commits that is the application's thread. The long sync is therefore done here, followed by
 * checkpoints with little to copy, each right after a commit, where the gap before the next one is longest.
 */
import { performance } from '../../base/clock';
import type { FileIdentity } from '../../base/file-identity';
import { hasFenceMarker } from '../../filesystem/fence-marker';
import type { NativeDatabase } from '../../native/better-sqlite3';
import { prepareWalFrames, type WalFrames } from '../../native/wal-frames';
import { isAbortRequested, pause, type SharedState } from '../shared-state';
import type { CheckpointResult } from '../messages';
import { syncDatabase } from './sync-database';

/** Milliseconds. A longer gap is long enough. */
const longestWaitMs = 50;
/**
 * Milliseconds between two checks for a commit, and before the next attempt after one: a fraction of a commit's time.
 */
const lookMs = 0.5;

interface CatchUp {
  readonly checkpoint: () => CheckpointResult;
  /** Maximum number of checkpoints after the first one. */
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
    // A commit that is just ending looks like a reader of the snapshot before it.
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
