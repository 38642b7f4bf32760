/** Chooses the folder in which a file for another folder is built: one where no other user can exchange names. */
import { accessSync, constants, lstatSync } from 'node:fs';
import { dirname, parse, resolve } from 'node:path';
import { foreignWriters } from './foreign-control';
import { readSpace } from './space';
import { isTrusted } from './trust';

export interface BuildPlace {
  readonly folder: string;
  /** A rename reaches the wanted folder from here; else the finished file is copied there. */
  readonly sameFilesystem: boolean;
  /**
   * The folders on the way to `folder` in which another user can exchange names: none, unless no better place with room
   * was found (in a user namespace, for example, the root folder belongs to nobody).
   */
  readonly shared: readonly string[];
}

/**
 * SQLite opens files by name, so the folder in which it writes must be one where nobody else can lead a name elsewhere: the
 * wanted folder itself, else the nearest one above it on the same filesystem, else the first of `elsewhere` that has room
 * for `bytes`. All paths are canonical.
 */
export function chooseBuildPlace(wanted: string, elsewhere: readonly string[], bytes: number): BuildPlace {
  const shared = sharedFolders(wanted);
  if (shared.length === 0) return { folder: wanted, sameFilesystem: true, shared };
  const { dev } = lstatSync(wanted);
  const { root } = parse(resolve(wanted));
  for (let folder = dirname(wanted); folder !== root && lstatSync(folder).dev === dev; folder = dirname(folder)) {
    if (isUsable(folder)) return { folder, sameFilesystem: true, shared: [] };
  }
  const away = elsewhere.find(folder => isUsable(folder) && readSpace(folder).freeBytes > bytes);
  if (away === undefined) return { folder: wanted, sameFilesystem: true, shared };
  return { folder: away, sameFilesystem: lstatSync(away).dev === dev, shared: [] };
}

function isUsable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return sharedFolders(folder).length === 0;
  } catch {
    return false;
  }
}

/** The folders from `folder` up to the root in which another user than this one and root can rename what stands there. */
export function sharedFolders(folder: string): readonly string[] {
  const own = process.geteuid?.();
  return foreignWriters(folder)
    .filter(({ path, uid, permissions }) => {
      // Most systems make a group of its own for each user, with the number of the user: nobody else is in it.
      const isOwnGroup = isTrusted(uid) && (permissions & constants.S_IWOTH) === 0 && lstatSync(path).gid === own;
      return !isOwnGroup;
    })
    .map(({ path }) => path);
}
