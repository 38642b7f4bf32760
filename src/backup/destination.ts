/** Determines the destination of a backup, and refuses unsafe ones. */
import { accessSync, constants, lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { BackupError } from '../errors/refusals';
import { foreignLinks } from '../filesystem/foreign-control';
import { plainWindowsPath } from '../filesystem/windows/path';
import { runJob } from '../maintenance/jobs-client';
import type { ProbeResult } from '../maintenance/messages';
import { findHolders } from '../proc/holders';
import type { BackupEnvironment } from './environment';
import type { Replaceable } from './options';
import { databaseBesideOf, identityOf, isHeldOnWindows, sidecarSuffixes, suffixesBeside } from './place';

export interface Destination {
  /** Canonical path. */
  readonly path: string;
  readonly folder: string;
  /** A file already exists there, and may be replaced. */
  readonly replaces: boolean;
}

export interface SourceFile {
  readonly file: string;
  readonly identity: FileIdentity | null;
}

/** Finds the file that `given` names, and refuses every one that a backup would harm. */
export async function checkDestination(
  given: string,
  sources: readonly SourceFile[],
  replaceable: Replaceable,
  isOpenHere: BackupEnvironment['isOpenHere'],
): Promise<Destination> {
  const path = canonical(given);
  const folder = dirname(path);
  for (const { file, identity } of sources) refuseSource(path, file, identity);
  refuseSidecarName(path);
  refuseUnwritable(folder);
  const existing = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (existing === undefined) {
    refuseSidecars(path, 'A file beside the destination would be taken by SQLite for a part of it');
    return { path, folder, replaces: false };
  }
  if (!existing.isFile()) refuse(`${path} is not a regular file.`, 'Name a file that does not exist yet.', path);
  if (isOpenHere(existing)) throw openHere(path);
  if (replaceable === 'nothing') {
    refuse(
      `${path} already exists.`,
      'Name another file, or pass `overwrite: true` (`--overwrite` on the command line) to replace it.',
      path,
    );
  }
  const state = await refuseInUse(path, isOpenHere);
  if (state === 'other' && replaceable === 'databases') {
    refuse(
      `The file at ${path} is not an SQLite database.`,
      'Name another file, or pass `overwrite: true` to replace it whatever it is.',
      path,
    );
  }
  return { path, folder, replaces: true };
}

/**
 * Refuses a file that is a database in use: here, by a descriptor of another process (only root sees those of other
 * users), by sidecars, or by a lock. Returns whether it is a database.
 */
export async function refuseInUse(
  path: string,
  isOpenHere: BackupEnvironment['isOpenHere'],
): Promise<ProbeResult['state']> {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return 'other';
  if (isOpenHere(found)) throw openHere(path);
  if (isHeldOnWindows(path)) {
    refuse(`${path} is open in another program.`, 'Close it there first, or name another destination.', path, path);
  }
  refuseSidecars(path, 'The destination looks like a database that is in use, or was not closed');
  const pids = [...new Set(findHolders(found).map(({ pid }) => pid))];
  if (pids.length > 0) {
    const where = pids.includes(process.pid) ? 'this process' : `process ${pids.join(', ')}`;
    refuse(`${path} is open in ${where}.`, 'Close it there first, or name another destination.', path, path);
  }
  const { state } = await runJob({ kind: 'probe', file: path, identity: identityOf(found), busyTimeoutMs: 0 });
  if (state === 'locked') {
    refuse(`${path} is a database in use: it is locked.`, 'Close it first, or name another destination.', path, path);
  }
  return state;
}

function openHere(path: string): BackupError {
  return new BackupError(`${path} is open as a database in this process.`, {
    hint: 'Close it first, or name another destination.',
    details: { step: 'destination', destination: path },
  });
}

function refuseSidecarName(path: string): void {
  const database = databaseBesideOf(path);
  if (database !== null) refuse(`${path} is a file of the database ${database}.`, 'Name another file.', path);
}

/** Windows drops dots at the end of a name, and takes some names for devices and for streams of other files. */
function plain(absolute: string): string {
  if (process.platform !== 'win32') return absolute;
  const found = plainWindowsPath(absolute);
  if ('path' in found) return found.path;
  return refuse(`The destination ${absolute} ${found.objection}.`, 'Name a plain file.', absolute);
}
/** Returns the file that an open of `given` would reach: its folder's real path, and the target of a symbolic link. */
function canonical(given: string): string {
  const absolute = plain(resolve(given));
  let path: string;
  try {
    path = join(realpathSync(dirname(absolute)), basename(absolute));
  } catch (cause) {
    throw new BackupError(`Cannot save the backup because the directory does not exist: ${dirname(absolute)}`, {
      hint: 'Create the directory first.',
      details: { step: 'destination', destination: absolute, missingFolder: true },
      cause,
    });
  }
  refuseForeignLink(absolute);
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return path;
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new BackupError(`${path} is a symbolic link to a file that does not exist.`, {
      hint: 'Name the file itself.',
      details: { step: 'destination', destination: path },
      cause,
    });
  }
}

/** The owner of a link can redirect it at any time. */
function refuseForeignLink(path: string): void {
  const [link] = foreignLinks(path);
  if (link === undefined) return;
  refuse(
    `${link.path} is a symbolic link of user ${link.uid}.`,
    'Name the file itself: another user decides where that link leads.',
    path,
  );
}

function refuseSource(path: string, file: string, identity: FileIdentity | null): void {
  const role = ['', ...suffixesBeside].find(suffix => path === `${file}${suffix}`);
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  const isSource = found !== undefined && identity !== null && sameFile(found, identity);
  if (role === undefined && !isSource) return;
  const what = role === undefined || role === '' ? 'the database itself' : `the ${role} file of the database`;
  refuse(`The destination ${path} is ${what}.`, 'Name another file.', path);
}

function refuseUnwritable(folder: string): void {
  try {
    if (!statSync(folder).isDirectory()) refuse(`${folder} is not a directory.`, 'Name a file in a directory.', folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    if (cause instanceof BackupError) throw cause;
    throw new BackupError(`The directory ${folder} cannot be written to.`, {
      hint: 'Give the process the right to create files there, or name another directory.',
      details: { step: 'destination', destination: folder },
      cause,
    });
  }
}

/** A backup beside a foreign journal would be "recovered" with it at its next open. */
function refuseSidecars(path: string, because: string): void {
  const found = sidecarSuffixes
    .map(suffix => `${path}${suffix}`)
    .filter(each => lstatSync(each, { throwIfNoEntry: false }) !== undefined);
  if (found.length === 0) return;
  refuse(
    `${because}: ${found.join(', ')}.`,
    'Close that database, or move those files away, or name another file.',
    path,
    path,
  );
}

/** `inUse`: the database that the doctor has to look at. */
function refuse(message: string, hint: string, destination: string, inUse?: string): never {
  const place = { step: 'destination', destination };
  throw new BackupError(message, { hint, details: inUse === undefined ? place : { ...place, inUse } });
}
