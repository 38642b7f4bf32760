/**
 * Catches the end of a WAL that is being written to.
 *
 *     writer      commit   commit         commit           commit        commit: the WAL starts over
 *     this        [1000 pages ......]...........[60 pages]........[60 pages]
 *
 * A passive checkpoint behind which something was committed was complete when it began, but SQLite goes on appending to the
 * WAL, and it has not synced the database (wal.c, walCheckpoint): whoever catches the end has to write out all of it.
 * So it is followed by others that have little to copy, each right behind a commit, where the gap before the next one is
 * the longest: the long sync is done here, and not in the thread of the application.
 */
import { hasFenceMarker } from '../../filesystem/fence-marker';
import type { NativeDatabase } from '../../native/better-sqlite3';
import { prepareWalFrames, type WalFrames } from '../../native/wal-frames';
import { isAbortRequested, pause, type Control } from '../control';
import type { CheckpointResult } from '../protocol';

/** Commits that left no gap three times go on like that, and each try costs two syncs. */
const tries = 3;
/** ms. A gap that is longer than this is long enough. */
const longestWaitMs = 50;
/** ms between two looks for a commit: a part of the time of one. */
const lookMs = 0.5;

/** Returns the result of the last checkpoint; an abort, or a fence, ends it before the next one. */
export function catchUp(
  db: NativeDatabase.Database,
  checkpoint: () => CheckpointResult,
  control: Control,
): CheckpointResult {
  let result = checkpoint();
  const look = prepareWalFrames(db, 'main');
  if (look === null) return result;
  for (let each = 0; each < tries && result.complete; each += 1) {
    const { frames, copied } = look();
    if (frames === copied) break;
    awaitCommit(look, frames, control);
    if (isAbortRequested(control) || hasFenceMarker(db.name)) break;
    result = checkpoint();
  }
  return result;
}

function awaitCommit(look: () => WalFrames, frames: number, control: Control): void {
  const until = performance.now() + longestWaitMs;
  while (look().frames === frames && performance.now() < until && !isAbortRequested(control)) pause(control, lookMs);
}
