/** Admits an open to the process-wide registry: one copy of SQLite per file. */
import { basename } from 'node:path';
import type { Location } from '../filesystem/locate';
import type { ResolvedOptions } from '../options/resolved';
import { admit as enter, fileKey, type Admission, type FilePlace } from '../registry/registry';
import { sqliteCopyOf } from '../registry/sqlite-copy';

export type { Admission };

/** If nothing may be accessed (a dead network mount), the folder has no identity and the name is used. */
const unknownFolder = { dev: -1n, ino: -1n };

/**
 * Throws `SqliteCopyConflictError` if another copy of SQLite, or a plain descriptor, has the file open. `hasSidecars`: false if
 * the file was just seen without any.
 */
export function admitToRegistry(location: Location, options: ResolvedOptions, hasSidecars: boolean): Admission {
  const { file, identity, requested } = location;
  const copy = sqliteCopyOf(options.nativeBinding);
  return enter({ file, identity, place: placeOf(location), copy, openedAs: requested.trim(), hasSidecars });
}

/** Returns the key of the file, independent of the path that names it. */
export function keyOf(location: Location): string {
  return fileKey(location.identity, placeOf(location));
}

function placeOf({ file, directoryIdentity }: Location): FilePlace {
  return directoryIdentity === null
    ? { directory: unknownFolder, name: file }
    : { directory: directoryIdentity, name: basename(file) };
}
