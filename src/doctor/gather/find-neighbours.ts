/** Finds the other files in the folder of a database that belong to it. */
import { lstatSync, readdirSync } from 'node:fs';
import { basename, join, parse } from 'node:path';
import { processIdOf } from '../../filesystem/process-id';
import { momentOfName } from '../../backup/folder';
import type { Location } from '../../filesystem/locate';
import type { NeighbourFacts } from '../facts';

/** Part of the names that Dropbox, Syncthing, Nextcloud and OneDrive create. */
const conflict = /conflict/i;
const sidecar = /-(?:wal|shm|journal|fenced|backup-id)$/;

export function findNeighbours({ file, directory }: Location): NeighbourFacts {
  const name = basename(file);
  const names = readdirSync(directory).filter(each => each !== name);
  const path = (each: string): string => join(directory, each);
  const related = names.filter(each => isAbout(each, name) && !sidecar.test(each));
  const rescues = related.filter(each => each.startsWith(`${name}.rescued-`));
  const kept = related.filter(each => each.startsWith(`${name}.before-restore-`));
  const others = related.filter(each => !rescues.includes(each) && !kept.includes(each) && isFile(path(each)));
  const conflicts = others.filter(each => conflict.test(each));
  const present = new Set(names);
  const copies = others.filter(
    each => !conflicts.includes(each) && looksCopied(each, name) && !present.has(`${each}-wal`),
  );
  return {
    rescues: rescues.map(path),
    kept: kept.map(path),
    copies: copies.map(path),
    conflicts: conflicts.map(path),
    leftovers: names.filter(each => processIdOf(each) !== null).map(path),
  };
}

/** `app.db.bak`, `app (1).db`, `copy of app.db` are about `app.db`. */
function isAbout(candidate: string, name: string): boolean {
  return candidate.includes(parse(name).name) && candidate !== name;
}

/**
 * Matches the name of the database with an addition; not `app.json`, and not a backup of this library, which has a
 * stamp.
 */
function looksCopied(candidate: string, name: string): boolean {
  const { ext } = parse(name);
  const own = parse(candidate);
  if (momentOfName(candidate) !== null) return false;
  if (candidate.includes(name)) return true;
  return (
    ext !== '' &&
    own.ext === ext &&
    /^(?:copy of )?.*?(?:[-_. ]?(?:copy|old|bak|backup|\(\d+\)|\d{4,}))/i.test(own.name)
  );
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
