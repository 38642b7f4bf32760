/** Finds a `-wal`, `-shm` or `-journal` of a user who may put it beside a database, but may not write the database. */
import { constants, lstatSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { isTrusted } from './trust';

export interface PlantedSidecar {
  readonly path: string;
  /** Owner of the sidecar. */
  readonly uid: number;
  /** Owner and group of the database. */
  readonly database: { readonly uid: number; readonly gid: number };
}

/** The part of `Stats` that decides. */
export type Access = Pick<Stats, 'uid' | 'mode'>;

/**
 * Returns the first planted sidecar of `file`, a canonical path; `null`: there is none, or it cannot be told.
 *
 * SQLite plays a `-journal` and a `-wal` back into whatever lies beside it, a database or not, and never asks who made it:
 * in `/tmp`, where the sticky bit keeps a user from the file, its content would be whatever that user writes. Commits that
 * go into a `-wal` of another user can be read and changed there.
 */
export function plantedSidecar(file: string): PlantedSidecar | null {
  for (const suffix of ['-wal', '-shm', '-journal']) {
    const path = `${file}${suffix}`;
    const sidecar = look(lstatSync, path);
    if (sidecar === undefined || isTrusted(sidecar.uid)) continue;
    const database = look(statSync, file);
    const folder = look(statSync, dirname(file));
    if (database === undefined || folder === undefined || !isPlanted(sidecar, database, folder)) continue;
    return { path, uid: sidecar.uid, database: { uid: database.uid, gid: database.gid } };
  }
  return null;
}

/**
 * Whoever may write the database may make its sidecars. The group bits of a file with an access control list are its mask, so
 * they also cover users that it names. Pure.
 */
export function isPlanted(sidecar: Access, database: Access, folder: Access): boolean {
  if (sidecar.uid === database.uid) return false;
  const shared = constants.S_IWGRP | constants.S_IWOTH;
  if ((database.mode & shared) !== 0) return false;
  return folder.uid === sidecar.uid || (folder.mode & shared) !== 0;
}

function look(stat: typeof statSync, path: string): Stats | undefined {
  try {
    return stat(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
