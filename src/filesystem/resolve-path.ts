/** Resolves a path as SQLite does before it opens it, and stops before a mount that must not be touched. */
import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs';
import { posix } from 'node:path';
import { rootMount, stepInto, mountOf, type MountRow, type MountTable } from './linux/mount-table';

/** SQLite gives up after this many symbolic links. @see SQLITE_MAX_SYMLINK in SQLite's sqliteInt.h */
const maxSymlinks = 200;

export interface ResolvedPath {
  /** Absolute; free of symbolic links as far as the walk got. */
  readonly path: string;
  /** The mount at which the walk stopped; the rest of `path` is as written. `null`: it was completed. */
  readonly stoppedAt: MountRow | null;
  /** The mount of `path` by the table alone. */
  readonly mount: MountRow | null;
  /** The look at `path` that completed the walk; `null` if none did: it stopped, ended with `..`, or was refused. */
  readonly seen: { readonly stats: BigIntStats | undefined } | null;
}

/**
 * Resolves like SQLite's `unixFullPathname`: element by element, each symbolic link followed at once, `..` applied to
 * the resolved part (so `link/../x.db` is beside the link's target, as for the kernel), and missing elements kept (so a
 * dangling link names its target). Nothing is opened; the only system calls are lstat and readlink.
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
  let seen: ResolvedPath['seen'] = null;
  for (let element = pending.pop(); element !== undefined; element = pending.pop()) {
    seen = null;
    if (element === '..') {
      resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf('/')));
      mount = mountOf(table, resolved === '' ? '/' : resolved);
      continue;
    }
    const next = `${resolved}/${element}`;
    mount = stepInto(table, mount, next);
    if (mount !== null && mustNotTouch(mount)) {
      return { path: posix.normalize([next, ...pending.toReversed()].join('/')), stoppedAt: mount, mount, seen };
    }
    seen = look(next);
    const target = linkTarget(next, seen);
    if (target === null) {
      resolved = next;
      continue;
    }
    // It was the look at the link; the target of `.` has no element that is looked at.
    seen = null;
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
  return { path: resolved === '' ? '/' : resolved, stoppedAt: null, mount, seen };
}

/** Returns the elements of a path as a stack, the first one on top. */
function elements(path: string): string[] {
  return path
    .split('/')
    .filter(element => element !== '' && element !== '.')
    .toReversed();
}

/** An element that cannot be read is kept; opening it fails later with its own error. */
function look(path: string): ResolvedPath['seen'] {
  try {
    return { stats: lstatSync(path, { bigint: true, throwIfNoEntry: false }) };
  } catch {
    return null;
  }
}

function linkTarget(path: string, seen: ResolvedPath['seen']): string | null {
  if (seen?.stats?.isSymbolicLink() !== true) return null;
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}

/** The same shape as an error of Node's own `fs`. */
function tooManyLinks(path: string): Error {
  const error = new Error(`ELOOP: too many symbolic links, lstat '${path}'`);
  return Object.assign(error, { code: 'ELOOP', syscall: 'lstat', path });
}
