/** Disables a connection whose locks or files are lost: the error, the rescue, the events. */
import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { currentDate } from '../base/clock';
import { asError } from '../base/foreign-error';
import { shellWord } from '../base/terminal-text';
import type { EventHub } from '../events/event-hub';
import { FileReplacedError, LocksLostError } from '../errors/refusals';
import type { Loss } from './finding';
import { rescue, type Rescue, type RescuedConnection } from './rescue';
import type { SetAside } from './set-aside';

/** A database of the connection whose files are lost. */
export interface LostDatabase {
  readonly file: string;
  /** Asks SQLite for the quoted name of the schema; null when it is not attached any more. It may refuse the question now. */
  readonly schema: () => string | null;
}

/** The part of a connection that is disabled. */
export interface DisabledConnection {
  readonly native: RescuedConnection;
  readonly hub: EventHub;
  /** Makes every further call through any handle throw the given error. */
  refuse(refusal: () => Error): void;
}

/** The actions taken on a fatal finding. */
export interface Outcome {
  /** The error of the current call. */
  readonly error: Error;
  /** Publishes the finding. */
  readonly tell: () => void;
  /** Retries the rescue; true once it has succeeded and is reported. `null` if nothing is left to save. */
  readonly rescueAgain: (() => boolean) | null;
}

/**
 * Disables the connection and then rescues what it has committed to the `lost` databases, the one of the finding first:
 * nothing may be written meanwhile. Publishing is left to the caller, because a listener may close the connection.
 */
export function disableConnection(
  connection: DisabledConnection,
  { finding, lost }: { readonly finding: Loss; readonly lost: readonly LostDatabase[] },
  rescueDirectory: string | null,
  setAside: () => SetAside | null,
): Outcome {
  let saved: readonly Rescue[] = [];
  let aside: SetAside | null = null;
  connection.refuse(() => makeError(finding, saved, aside));
  const save = (): boolean => {
    // One that is saved is not saved again.
    saved = lost.map((database, n) => {
      const before = saved[n];
      return before?.rescued === true ? before : saveFile(connection.native, database, rescueDirectory);
    });
    return saved.every(({ rescued }) => rescued);
  };
  const tell = (error: Error): void => publish(connection, finding, error, saved);
  const done = save();
  aside = setAside();
  const error = makeError(finding, saved, aside);
  const again = (): boolean => {
    if (!save()) return false;
    tell(makeError(finding, saved, aside));
    return true;
  };
  const tellAll = (): void => {
    tell(error);
    connection.hub.publish('fenced', { reason: isAboutFiles(finding) ? 'fileReplaced' : 'locksLost', error });
  };
  return { error, tell: tellAll, rescueAgain: done ? null : again };
}

/** Tries `directory`, then the folder of the database, then the folder for temporary files. */
function saveFile(native: RescuedConnection, { file, schema }: LostDatabase, directory: string | null): Rescue {
  let name: string | null;
  try {
    name = schema();
  } catch (cause) {
    return { rescued: false, error: asError(cause) };
  }
  if (name === null) return { rescued: false, error: new Error(`${file} is not attached any more`) };
  const subject = { schema: name, name: basename(file), directories: placesFor(file, directory) };
  return rescue(native, subject, currentDate());
}

function placesFor(file: string, directory: string | null): readonly string[] {
  const beside = dirname(file);
  if (directory === null) return [beside];
  try {
    // It holds copies of databases.
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch {
    // It cannot be written there either; the rescue tries the next folder.
  }
  return [directory, beside];
}

function pathsOf(saved: readonly Rescue[]): readonly string[] {
  return saved.flatMap(each => (each.rescued ? [each.path] : []));
}

/** The first one is that of the file of the finding. */
function firstPath([first]: readonly Rescue[]): string | null {
  return first?.rescued === true ? first.path : null;
}

function publish({ hub }: DisabledConnection, finding: Loss, error: Error, saved: readonly Rescue[]): void {
  const rescued = firstPath(saved);
  hub.publish(isAboutFiles(finding) ? 'fileReplaced' : 'locksLost', { error, rescued });
}

function makeError(
  finding: Loss,
  saved: readonly Rescue[],
  aside: SetAside | null,
): LocksLostError | FileReplacedError {
  const failed = saved.find(each => !each.rescued);
  const likely = `Likely: ${finding.culprits.join('; ')}.`;
  const message = [finding.message, likely, ...saved.map(each => tellRescue(finding, each)), tellAside(aside)]
    .filter(part => part !== '')
    .join(' ');
  const context = {
    details: {
      ...finding.details,
      kind: finding.kind,
      culprits: finding.culprits,
      rescued: firstPath(saved),
      ...(saved.length > 1 ? { allRescued: pathsOf(saved) } : {}),
      setAside: aside?.moved ?? [],
    },
    ...hintFor(finding, saved, aside),
    ...(failed === undefined ? {} : { cause: failed.error }),
  };
  return isAboutFiles(finding) ? new FileReplacedError(message, context) : new LocksLostError(message, context);
}

/** Names the rescued copy only if there is one. A remaining `-wal` would be played into the file that is now at the name. */
function hintFor(finding: Loss, saved: readonly Rescue[], aside: SetAside | null): { hint?: string } {
  const paths = pathsOf(saved);
  const [copies, files] = paths.length > 1 ? ['copies', 'files'] : ['copy', 'file'];
  const compare =
    paths.length > 0 ? `Compare the rescued ${copies} (${paths.join(', ')}) with the current ${files}. ` : '';
  if (aside !== null && aside.obstacle !== null) {
    const file = String(finding.details['file']);
    return {
      hint: `${compare}Before the restart, move ${file}-wal and ${file}-shm away (${aside.obstacle}): they belong to the old database.`,
    };
  }
  // There is no current file: a restart would make an empty one.
  if (paths.length === 1 && finding.details['fate'] === 'missing')
    return { hint: hintForMissing(finding, paths[0] ?? '') };
  if (compare !== '') return isAboutFiles(finding) ? { hint: `${compare}Then restart the process.` } : {};
  return finding.kind === 'changedUnderneath' ? { hint: hintWithoutCopy(finding, aside) } : {};
}

function hintForMissing({ details, kind }: Loss, copy: string): string {
  const [file, path] = [String(details['file']), String(details['path'])];
  const restore = `\`npx safe-sqlite restore ${shellWord(copy)} ${shellWord(file)}\``;
  return kind === 'databaseReplaced'
    ? `Before the restart, which would make an empty database: put ${path} back, if it was moved, or restore the rescued copy: ${restore}.`
    : `Stop this process, and restore the rescued copy: ${restore}. Then start it again.`;
}

/** The changed file is still at its name: a restart alone would open it. */
function hintWithoutCopy({ details }: Loss, aside: SetAside | null): string {
  const file = shellWord(String(details['file']));
  const kept =
    aside === null || aside.moved.length === 0
      ? ''
      : ` Keep ${aside.moved.join(' and ')}: the latest commits are there.`;
  return `Stop this process, and what writes into the file. Then check it with \`npx safe-sqlite verify ${file} --full\`: where it is damaged, or no longer your database, restore a backup with \`npx safe-sqlite restore <backup> ${file}\`.${kept}`;
}

function tellAside(aside: SetAside | null): string {
  if (aside === null || aside.moved.length === 0) return '';
  return `Its files were set aside as ${aside.moved.join(' and ')}; the next open does not use them for the current file.`;
}

function isAboutFiles({ kind }: Loss): boolean {
  return kind === 'databaseReplaced' || kind === 'sidecarReplaced' || kind === 'changedUnderneath';
}

function tellRescue({ kind }: Loss, saved: Rescue): string {
  if (!saved.rescued) return `The data of the connection could not be saved yet: ${saved.error.message}`;
  const checked = saved.problem === null ? '' : ` Its check reported: ${saved.problem}.`;
  // What another program wrote into the files is read back where the connection has no page of its own.
  const what =
    kind === 'changedUnderneath' ? 'What this connection still sees' : 'Everything that this connection had committed';
  return `${what} is saved in ${saved.path}.${checked}`;
}
