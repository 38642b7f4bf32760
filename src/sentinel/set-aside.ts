/**
 * Moves the `-wal` and `-shm` of a lost database aside, before the next open plays them into the file that is now at
 * its name.
 */
import { renameSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { findHolders } from '../proc/holders';
import { identityNow } from '../proc/path-identity';

export interface SetAside {
  /** The new names; empty if nothing had to be moved. */
  readonly moved: readonly string[];
  /** Why a `-wal` is still there; null if there is none. */
  readonly obstacle: string | null;
}

/**
 * `own`: the identities of the connection's sidecars. A file that another process has open is left alone: it may
 * already be using the new database. `stamp` becomes part of the new names.
 */
export function setAsideSidecars(
  file: string,
  own: readonly { readonly path: string; readonly identity: FileIdentity }[],
  stamp: string,
): SetAside {
  const moved: string[] = [];
  for (const suffix of ['-wal', '-shm']) {
    const path = `${file}${suffix}`;
    const known = own.find(each => each.path === path);
    const found = identityNow(path);
    if (known === undefined || found === null || !sameFile(found, known.identity)) continue;
    const holder = findHolders(found).find(({ pid }) => pid !== process.pid);
    if (holder !== undefined) return { moved, obstacle: `process ${holder.pid} has ${path} open` };
    const aside = `${file}.set-aside-${stamp}${suffix}`;
    try {
      renameSync(path, aside);
      moved.push(aside);
    } catch (cause) {
      return { moved, obstacle: `${path} could not be renamed: ${String(cause)}` };
    }
  }
  return { moved, obstacle: null };
}
