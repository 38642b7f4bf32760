/** Finds the parts of a path that a user other than this one and root controls. By lstat alone. */
import { constants, lstatSync, type Stats } from 'node:fs';
import { dirname, parse, resolve, sep } from 'node:path';
import { isTrusted } from './trust';

/** A part of a path that another user controls. */
export interface ForeignControl {
  readonly path: string;
  readonly uid: number;
  /** Permission bits, the last twelve of `st_mode`. */
  readonly permissions: number;
}

/**
 * Returns the symbolic links on the way to `path`, including `path` itself, that belong to another user: the owner of a
 * link can redirect it at any time. Parts that do not exist, or may not be searched, have no visible owner.
 */
export function foreignLinks(path: string): readonly ForeignControl[] {
  return partsOf(path).flatMap(part => {
    const stats = look(part);
    return stats !== undefined && stats.isSymbolicLink() && !isTrusted(stats.uid) ? [controlOf(part, stats)] : [];
  });
}

/**
 * Returns the folders from `folder` up to the root in which another user can rename or replace this user's files: those
 * owned by another user, and those writable by a group or by all users without the sticky bit.
 *
 * A group with this user as its only member looks like a shared one, so a writable group counts only if `group` is
 * `'counts'`.
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

/** Returns `path` and the folders above it, the root last. */
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
