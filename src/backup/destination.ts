/** Where a backup goes, and why it may not go there. */
import { accessSync, constants, lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { BackupError } from '../errors/refusals';
import type { BackupEnvironment } from './environment';
import { sidecarSuffixes } from './place';

export interface Destination {
  /** Canonical path. */
  readonly path: string;
  readonly folder: string;
  /** A file stands there already, and may be replaced. */
  readonly replaces: boolean;
}

export interface SourceFile {
  readonly file: string;
  readonly identity: FileIdentity | null;
}

/** Finds the file that `given` names, and refuses every one that a backup would harm. Opens nothing. */
export function checkDestination(
  given: string,
  sources: readonly SourceFile[],
  overwrite: boolean,
  isOpenHere: BackupEnvironment['isOpenHere'],
): Destination {
  const path = canonical(given);
  const folder = dirname(path);
  for (const { file, identity } of sources) refuseSource(path, file, identity);
  refuseUnwritable(folder);
  const existing = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (existing === undefined) {
    refuseSidecars(path, 'Something stands beside the destination that SQLite would take for a part of it');
    return { path, folder, replaces: false };
  }
  if (!existing.isFile()) refuse(`${path} is not a regular file.`, 'Name a file that does not exist yet.', path);
  if (isOpenHere(existing)) {
    refuse(`${path} is open as a database in this process.`, 'Close it first, or name another destination.', path);
  }
  if (!overwrite) {
    refuse(
      `There is a file at ${path} already.`,
      'Name another file, or pass `overwrite: true` (`--overwrite` on the command line) to replace it.',
      path,
    );
  }
  refuseSidecars(path, 'The destination looks like a database that is in use, or was not closed');
  return { path, folder, replaces: true };
}

/** The file that an open of `given` would reach: its folder's real path, and the target of a symbolic link. */
function canonical(given: string): string {
  const absolute = resolve(given);
  let path: string;
  try {
    path = join(realpathSync(dirname(absolute)), basename(absolute));
  } catch (cause) {
    throw new BackupError(`Cannot save the backup because the directory does not exist: ${dirname(absolute)}`, {
      hint: 'Create the directory first.',
      details: { step: 'destination', destination: absolute },
      cause,
    });
  }
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

function refuseSource(path: string, file: string, identity: FileIdentity | null): void {
  const role = ['', ...sidecarSuffixes].find(suffix => path === `${file}${suffix}`);
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

/** A backup that came to stand beside a foreign journal would be "recovered" with it at its next open. */
function refuseSidecars(path: string, because: string): void {
  const found = sidecarSuffixes
    .map(suffix => `${path}${suffix}`)
    .filter(each => lstatSync(each, { throwIfNoEntry: false }) !== undefined);
  if (found.length === 0) return;
  refuse(
    `${because}: ${found.join(', ')}.`,
    'Close that database, or move those files away, or name another file.',
    path,
  );
}

function refuse(message: string, hint: string, destination: string): never {
  throw new BackupError(message, { hint, details: { step: 'destination', destination } });
}
