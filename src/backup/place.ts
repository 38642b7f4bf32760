/** Finds the file that a path names, as SQLite would open it, without opening it. */
import { lstatSync, realpathSync, renameSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { errorCode, errorMessage } from '../base/foreign-error';
import { fenceMarkerPath } from '../filesystem/fence-marker';
import type { ReadAccess } from '../maintenance/messages';
import { databaseIdPath } from './database-id';

export interface PlacedFile {
  /** Canonical path: symbolic links followed. */
  readonly path: string;
  readonly folder: string;
  /** `null` if the file does not exist yet. */
  readonly facts: BigIntStats | null;
  /** Its existing sidecars. */
  readonly sidecars: readonly string[];
}

/** An existing file, or a message that there is none. */
export type FoundFile = { readonly place: PlacedFile } | { readonly missing: string; readonly cause?: unknown };

/** The hint for a missing file. */
export const missingHint = 'Check the path, and the rights of its folders: it must lead to the database file itself.';

/** Finds the regular file at a path that the caller gave to read from. */
export function findFile(given: string): FoundFile {
  try {
    const place = placeOf(given);
    if (place.facts?.isFile() === true) return { place };
    if (place.facts === null) {
      return { missing: `There is no database at ${place.path}${besideMissing(place)}.` };
    }
    const what = place.facts.isDirectory() ? 'a folder' : 'not a regular file';
    return { missing: `There is no database at ${place.path}: it is ${what}.` };
  } catch (cause) {
    // It may exist in a folder that may not be searched.
    const isAbsent = ['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '');
    const what = isAbsent ? `There is no database at ${given}` : `The database ${given} cannot be reached`;
    return { missing: `${what}: ${errorMessage(cause)}.`, cause };
  }
}

/** Throws the system's error if the folder does not exist, or a symbolic link is dangling. */
export function placeOf(given: string): PlacedFile {
  const absolute = resolve(given.trim());
  const named = join(realpathSync(dirname(absolute)), basename(absolute));
  const isLink = lstatSync(named, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const path = isLink ? realpathSync(named) : named;
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
  return { path, folder: dirname(path), facts, sidecars: sidecarsOf(path) };
}

/** The part of a file's facts that crosses to another thread. */
export function identityOf(facts: FileIdentity | null): FileIdentity | null {
  return facts === null ? null : { dev: facts.dev, ino: facts.ino };
}

/** Returns the existing sidecars of a database, including empty ones. */
export function sidecarsOf(path: string): readonly string[] {
  return sidecarSuffixes
    .map(suffix => `${path}${suffix}`)
    .filter(each => lstatSync(each, { throwIfNoEntry: false }) !== undefined);
}

/**
 * Returns how to open a database for reading, whether in use or not.
 *
 * With sidecars it is in use, or was not closed: a read-only connection leaves them unchanged, also empty ones. A program in another
 * kernel, whose locks SQLite does not see here (a container in a virtual machine), may have just opened it. Without sidecars, a
 * read-write connection cleans up its own when it closes, and has nothing to checkpoint.
 */
export function readAccess({ sidecars }: Pick<PlacedFile, 'sidecars'>): ReadAccess {
  return sidecars.length > 0 ? 'read-only' : 'read-write';
}

/**
 * True if a process has the database, or a file beside it, open on Windows, where nothing lists the holders of a file: a file
 * that SQLite has open cannot be renamed, and to rename a file to its own name changes nothing. Always false elsewhere.
 */
export function isHeldOnWindows(path: string): boolean {
  if (process.platform !== 'win32') return false;
  return [path, ...sidecarsOf(path)].some(each => {
    try {
      renameSync(each, each);
      return false;
    } catch (error) {
      return ['EBUSY', 'EPERM', 'EACCES'].includes(errorCode(error) ?? '');
    }
  });
}

/** What of a missing database is left, for the end of a sentence; empty where nothing is. */
export function besideMissing({ sidecars }: Pick<PlacedFile, 'sidecars'>): string {
  const journals = sidecars.filter(path => !path.endsWith('-shm'));
  return journals.length === 0 ? '' : `, but ${journals.join(' and ')}, which may hold its commits`;
}

/** Suffixes of the files that SQLite may create beside a database. */
export const sidecarSuffixes = ['-journal', '-wal', '-shm'] as const;

/** Suffixes of every file that SQLite or this library reads beside a database. */
export const suffixesBeside: readonly string[] = [...sidecarSuffixes, fenceMarkerPath(''), databaseIdPath('')];

/**
 * Returns the existing database that a file of this name would belong to, in every spelling that the filesystem accepts; `null`:
 * none. A copy there would be played into that database, fence it, or be deleted by SQLite.
 */
export function databaseBesideOf(path: string): string | null {
  const name = basename(path);
  const lower = name.toLowerCase();
  const suffix = suffixesBeside.find(each => lower.endsWith(each) && lower !== each);
  if (suffix === undefined) return null;
  const database = join(dirname(path), name.slice(0, -suffix.length));
  const found = statSync(database, { bigint: true, throwIfNoEntry: false });
  if (found?.isFile() !== true) return null;
  return name.endsWith(suffix) || foldsCase(database, found) ? database : null;
}

/** True if the filesystem accepts another spelling of a name for the same file. */
function foldsCase(path: string, identity: FileIdentity): boolean {
  const name = basename(path);
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  const found = statSync(join(dirname(path), other), { bigint: true, throwIfNoEntry: false });
  return found !== undefined && sameFile(found, identity);
}
