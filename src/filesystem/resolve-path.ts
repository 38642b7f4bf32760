/** Resolves a path as SQLite does before it opens it, and stops before a mount that must not be touched. */
import { lstatSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { rootMount, stepInto, mountOf, type MountRow, type MountTable } from './linux/mount-table';

/** SQLite follows this many symbolic links and then gives up. @see SQLITE_MAX_SYMLINK in SQLite's sqliteInt.h */
const maxSymlinks = 200;

export interface ResolvedPath {
  /** Absolute, without symbolic links as far as the walk came. */
  readonly path: string;
  /** The mount that the walk would have stepped on; the rest of `path` is as it was written. `null`: it went all the way. */
  readonly stoppedAt: MountRow | null;
  /** The mount of `path` by the table alone. */
  readonly mount: MountRow | null;
}

/**
 * Like `unixFullPathname` of SQLite: element by element, each symbolic link followed at once, `..` taken from what is
 * resolved so far (so `link/../x.db` is beside the link's target, as for the kernel), and what does not exist is kept as
 * it is (so a dangling link names its target). Nothing is opened; the only system calls are lstat and readlink.
 */
export function resolvePath(
  path: string,
  workingDirectory: string,
  table: MountTable,
  mustNotTouch: (mount: MountRow) => boolean,
): ResolvedPath {
  const pending = elements(path.startsWith('/') ? path : `${workingDirectory}/${path}`);
  let resolved = '';
  let mount = rootMount(table);
  let links = 0;
  for (let element = pending.pop(); element !== undefined; element = pending.pop()) {
    if (element === '..') {
      resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf('/')));
      mount = mountOf(table, resolved === '' ? '/' : resolved);
      continue;
    }
    const next = `${resolved}/${element}`;
    mount = stepInto(table, mount, next);
    if (mount !== null && mustNotTouch(mount)) {
      return { path: posix.normalize([next, ...pending.toReversed()].join('/')), stoppedAt: mount, mount };
    }
    const target = linkTarget(next);
    if (target === null) {
      resolved = next;
      continue;
    }
    links += 1;
    if (links > maxSymlinks) throw tooManyLinks(path);
    pending.push(...elements(target));
    if (target.startsWith('/')) {
      resolved = '';
      mount = rootMount(table);
    } else {
      mount = mountOf(table, resolved === '' ? '/' : resolved);
    }
  }
  return { path: resolved === '' ? '/' : resolved, stoppedAt: null, mount };
}

/** The elements of a path as a stack, the first one on top. */
function elements(path: string): string[] {
  return path
    .split('/')
    .filter(element => element !== '' && element !== '.')
    .toReversed();
}

/** What cannot be looked at is kept as it is: opening it fails later, with the error of whoever opens it. */
function linkTarget(path: string): string | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}

/** The same shape as an error of Node's own `fs`. */
function tooManyLinks(path: string): Error {
  const error = new Error(`ELOOP: too many symbolic links, lstat '${path}'`);
  return Object.assign(error, { code: 'ELOOP', syscall: 'lstat', path });
}
