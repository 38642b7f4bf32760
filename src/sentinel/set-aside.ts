/**
 * Moves the `-wal` and `-shm` of a lost database aside, before the next open plays them into the file that is now at
 * its name.
 */
import { renameSync, unlinkSync } from 'node:fs';
import { currentDate } from '../base/clock';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { errorMessage } from '../base/foreign-error';
import { findHolders } from '../proc/holders';
import { identityNow } from '../proc/path-identity';

export interface SetAside {
  /** The new names; empty when nothing was renamed. */
  readonly moved: readonly string[];
  /** The names that were deleted. */
  readonly removed: readonly string[];
  /** Why a `-wal` is still there; null when none is. */
  readonly obstacle: string | null;
}

/**
 * `own`: what the connection knows its sidecars by. A file that another process has open is left alone: it may be at work
 * with the new database already. `'rename'` keeps each under a dated name, `'remove'` deletes it.
 */
export function takeSidecarsAway(
  file: string,
  own: readonly { readonly path: string; readonly identity: FileIdentity }[],
  how: 'rename' | 'remove',
): SetAside {
  const stamp = currentDate().toISOString().replaceAll(/[-:]/g, '');
  const moved: string[] = [];
  const removed: string[] = [];
  for (const suffix of ['-wal', '-shm', '-journal']) {
    const path = `${file}${suffix}`;
    const known = own.find(each => each.path === path);
    const found = identityNow(path);
    if (known === undefined || found === null || !sameFile(found, known.identity)) continue;
    const holder = findHolders(found).find(({ pid }) => pid !== process.pid);
    if (holder !== undefined) return { moved, removed, obstacle: `process ${holder.pid} has ${path} open` };
    const aside = `${file}.set-aside-${stamp}${suffix}`;
    try {
      if (how === 'remove') unlinkSync(path);
      else renameSync(path, aside);
      (how === 'remove' ? removed : moved).push(how === 'remove' ? path : aside);
    } catch (cause) {
      return { moved, removed, obstacle: `${path} could not be taken away: ${errorMessage(cause)}` };
    }
  }
  return { moved, removed, obstacle: null };
}
