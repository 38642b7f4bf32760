/** Finds what, on the way to a file, another user than this one and root controls. By lstat alone. */
import { constants, lstatSync, type Stats } from 'node:fs';
import { dirname, parse, resolve, sep } from 'node:path';
import { isTrusted } from './trust';

/** Something on the way to a file that another user controls. */
export interface ForeignControl {
  readonly path: string;
  readonly uid: number;
  /** Permission bits, the last twelve of `st_mode`. */
  readonly permissions: number;
}

/**
 * The symbolic links on the way to `path`, `path` itself included, that belong to another user: who owns a link chooses
 * where it leads, also between two looks. Parts that do not exist, or may not be searched, have no owner to tell.
 */
export function foreignLinks(path: string): readonly ForeignControl[] {
  return partsOf(path).flatMap(part => {
    const stats = look(part);
    return stats !== undefined && stats.isSymbolicLink() && !isTrusted(stats.uid) ? [controlOf(part, stats)] : [];
  });
}

/**
 * The folders from `folder` up to the root in which another user can rename or replace what this user makes: those that
 * another user owns, and those that a group or everybody may write without the sticky bit.
 *
 * A group that has this user as its only member looks the same as a shared one, so a writable group counts only where
 * `group` is `'counts'`.
 */
export function foreignWriters(folder: string, group: 'counts' | 'trusted' = 'counts'): readonly ForeignControl[] {
  const writable = group === 'counts' ? constants.S_IWGRP | constants.S_IWOTH : constants.S_IWOTH;
  return partsOf(folder).flatMap(part => {
    const stats = look(part);
    if (stats === undefined || !stats.isDirectory()) return [];
    const isSticky = (stats.mode & stickyBit) !== 0;
    const isShared = (stats.mode & writable) !== 0 && !isSticky && process.geteuid !== undefined;
    return isShared || !isTrusted(stats.uid) ? [controlOf(part, stats)] : [];
  });
}

const stickyBit = 0o1000;
const permissionBits = 0o7777;

/** `path` and the folders above it, the root last. */
function partsOf(path: string): string[] {
  const absolute = resolve(path);
  const { root } = parse(absolute);
  const parts: string[] = [];
  for (let part = absolute; part !== root; part = dirname(part)) parts.push(part);
  return [...parts, root.endsWith(sep) ? root : `${root}${sep}`];
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function controlOf(path: string, { uid, mode }: Stats): ForeignControl {
  return { path, uid, permissions: mode & permissionBits };
}
