/** Decides whether a filesystem has room for the next commits; the doctor and `db.health()` share the answer. Pure. */
import type { Space } from '../filesystem/space';

/** Below both of these a disk is nearly full: a share alone alarms on large disks, an amount alone on small ones. */
const lowShare = 0.05;
const lowBytes = 1_000_000_000;
const lowInodeShare = 0.01;
/** Less than some pages and journal headers: the next commit fails. */
const fullBytes = 1_000_000;

export type Room = 'full' | 'nearly-full' | 'enough';

/** Judges the bytes. Filesystems that report no total do not count their space. */
export function roomForBytes({ freeBytes, totalBytes }: Pick<Space, 'freeBytes' | 'totalBytes'>): Room {
  if (totalBytes === 0) return 'enough';
  if (freeBytes < fullBytes) return 'full';
  return freeBytes < totalBytes * lowShare && freeBytes < lowBytes ? 'nearly-full' : 'enough';
}

/** Judges the inodes. Filesystems that report no total create them on demand. */
export function roomForFiles({ freeInodes, totalInodes }: Pick<Space, 'freeInodes' | 'totalInodes'>): Room {
  if (totalInodes === 0) return 'enough';
  if (freeInodes === 0) return 'full';
  return freeInodes < totalInodes * lowInodeShare ? 'nearly-full' : 'enough';
}
