/** The step into the process-wide registry: one copy of SQLite per file. */
import { basename } from 'node:path';
import type { Location } from '../filesystem/locate';
import type { ResolvedOptions } from '../options/resolved';
import { admit as enter, fileKey, type Admission, type FilePlace } from '../registry/registry';
import { sqliteCopyOf } from '../registry/sqlite-copy';

export type { Admission };

/** Where nothing may be looked at (a dead network mount), the folder has no identity; the name has to do. */
const unknownFolder = { dev: -1n, ino: -1n };

/** Throws `SqliteCopyConflictError` when another copy of SQLite, or a plain descriptor, has the file. */
export function admitToRegistry(location: Location, options: ResolvedOptions): Admission {
  const { file, identity, requested } = location;
  const copy = sqliteCopyOf(options.nativeBinding);
  return enter({ file, identity, place: placeOf(location), copy, openedAs: requested.trim() });
}

/** Under which key the file is known, whatever path names it. */
export function keyOf(location: Location): string {
  return fileKey(location.identity, placeOf(location));
}

function placeOf({ file, directoryIdentity }: Location): FilePlace {
  return directoryIdentity === null
    ? { directory: unknownFolder, name: file }
    : { directory: directoryIdentity, name: basename(file) };
}
