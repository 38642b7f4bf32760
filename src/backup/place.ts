/** Finds the file that a path names, as SQLite would open it, without opening it. */
import { lstatSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { FileIdentity } from '../base/file-identity';
import { errorCode, errorMessage } from '../base/foreign-error';
import type { ReadAccess } from '../maintenance/messages';

export interface PlacedFile {
  /** Canonical path: symbolic links followed. */
  readonly path: string;
  readonly folder: string;
  /** `null` when there is no file yet. */
  readonly facts: BigIntStats | null;
  /** Which of its sidecars stand beside it. */
  readonly sidecars: readonly string[];
}

/** One that is there, or why there is none, for a person. */
export type FoundFile = { readonly place: PlacedFile } | { readonly missing: string; readonly cause?: unknown };

/** What to do about a file that is missing. */
export const missingHint =
  'Look at the path, and at the rights of its folders: it must lead to the database file itself.';

/** The regular file at a path that somebody gave to read from. */
export function findFile(given: string): FoundFile {
  try {
    const place = placeOf(given);
    if (place.facts?.isFile() === true) return { place };
    if (place.facts === null) return { missing: `There is no database at ${place.path}.` };
    const what = place.facts.isDirectory() ? 'a folder' : 'not a regular file';
    return { missing: `There is no database at ${place.path}: it is ${what}.` };
  } catch (cause) {
    // Behind a folder that may not be searched there may well be one.
    const isAbsent = ['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '');
    const what = isAbsent ? `There is no database at ${given}` : `The database ${given} cannot be reached`;
    return { missing: `${what}: ${errorMessage(cause)}.`, cause };
  }
}

/** Throws the system's error when the folder does not exist, or a symbolic link leads nowhere. */
export function placeOf(given: string): PlacedFile {
  const absolute = resolve(given.trim());
  const named = join(realpathSync(dirname(absolute)), basename(absolute));
  const isLink = lstatSync(named, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const path = isLink ? realpathSync(named) : named;
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false }) ?? null;
  return { path, folder: dirname(path), facts, sidecars: sidecarsOf(path) };
}

/** What of a file's facts crosses to another thread. */
export function identityOf(facts: FileIdentity | null): FileIdentity | null {
  return facts === null ? null : { dev: facts.dev, ino: facts.ino };
}

/** The sidecars that stand beside a database now, also empty ones. */
export function sidecarsOf(path: string): readonly string[] {
  return sidecarSuffixes
    .map(suffix => `${path}${suffix}`)
    .filter(each => lstatSync(each, { throwIfNoEntry: false }) !== undefined);
}

/**
 * How to open a database for reading that may be in use or lie on a shelf.
 *
 * With sidecars it is in use, or was not closed: a read-only connection leaves them as they are. Without, a connection
 * that may write tidies up behind itself when it closes, and has nothing to checkpoint.
 */
export function readAccess({ sidecars }: Pick<PlacedFile, 'sidecars'>): ReadAccess {
  return sidecars.length > 0 ? 'read-only' : 'read-write';
}

/** What SQLite may put beside a database. */
export const sidecarSuffixes = ['-journal', '-wal', '-shm'] as const;
