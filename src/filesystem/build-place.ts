/**
 * Chooses the folder for building a file that later moves to another folder: one where no other user can exchange
 * names.
 */
import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname, parse, resolve } from 'node:path';
import { foreignWriters } from './foreign-control';
import { readSpace } from './space';
import { isTrusted } from './trust';

export interface BuildPlace {
  readonly folder: string;
  /** True: a rename reaches the wanted folder. False: the finished file is copied there. */
  readonly sameFilesystem: boolean;
  /**
   * The folders above `folder` in which another user can exchange names: empty, unless no better place with room was
   * found (in a user namespace, for example, the root folder belongs to an unmapped user).
   */
  readonly shared: readonly string[];
}

/**
 * SQLite opens files by name, so it must write in a folder where no other user can redirect a name: the wanted folder
 * itself, else the nearest one above it on the same filesystem, else the first of `elsewhere` that has room for
 * `bytes`. All paths are canonical.
 */
export function chooseBuildPlace(wanted: string, elsewhere: readonly string[], bytes: number): BuildPlace {
  const shared = sharedFolders(wanted);
  if (shared.length === 0) return { folder: wanted, sameFilesystem: true, shared };
  const { dev } = lstatSync(wanted);
  const { root } = parse(resolve(wanted));
  for (let folder = dirname(wanted); folder !== root && deviceOf(folder) === dev; folder = dirname(folder)) {
    if (isUsable(folder)) return { folder, sameFilesystem: true, shared: [] };
  }
  const away = elsewhere.find(folder => isUsable(folder) && readSpace(folder).freeBytes > bytes);
  if (away === undefined) return { folder: wanted, sameFilesystem: true, shared };
  return { folder: away, sameFilesystem: lstatSync(away).dev === dev, shared: [] };
}

/** Returns `null` if Node's permission model refuses the call. */
function deviceOf(folder: string): number | null {
  try {
    return lstatSync(folder).dev;
  } catch {
    return null;
  }
}

function isUsable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return sharedFolders(folder).length === 0;
  } catch {
    return false;
  }
}

/** Returns the folders from `folder` up to the root in which a user other than this one and root can rename entries. */
export function sharedFolders(folder: string): readonly string[] {
  const own = process.geteuid?.();
  return foreignWriters(folder)
    .filter(({ path, uid, permissions }) => {
      // Most systems create a group with the same number for each user, with that user as its only member.
      const isOwnGroup = isTrusted(uid) && (permissions & constants.S_IWOTH) === 0 && lstatSync(path).gid === own;
      return !isOwnGroup;
    })
    .map(({ path }) => path);
}
