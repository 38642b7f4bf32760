/** Disables a connection whose locks or files are lost: the error, the rescue, the events. */
import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { currentDate } from '../base/clock';
import type { EventHub } from '../events/event-hub';
import { FileReplacedError, LocksLostError } from '../errors/refusals';
import type { Loss } from './finding';
import { rescue, type Rescue, type RescuedConnection } from './rescue';
import type { SetAside } from './set-aside';

/** The part of a connection that is disabled. */
export interface DisabledConnection {
  readonly native: RescuedConnection;
  readonly file: string;
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
 * Disables the connection and then rescues its data: nothing may be written meanwhile. Publishing is left to the
 * caller, because a listener may close the connection.
 */
export function disableConnection(
  connection: DisabledConnection,
  finding: Loss,
  rescueDirectory: string | null,
  setAside: () => SetAside | null,
): Outcome {
  let saved: Rescue | null = null;
  let aside: SetAside | null = null;
  connection.refuse(() => makeError(finding, saved, aside));
  const save = (): boolean => {
    saved = saveFiles(connection, rescueDirectory);
    return saved.rescued;
  };
  const tell = (error: Error): void => publish(connection, finding, error, saved);
  const done = finding.filesLost ? save() : true;
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

/** Tries `rescueDirectory`, then the folder of the database, then the folder for temporary files. */
function saveFiles({ native, file }: DisabledConnection, directory: string | null): Rescue {
  const beside = dirname(file);
  if (directory === null) return rescue(native, [beside], basename(file), currentDate());
  try {
    // It holds copies of databases.
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch {
    // It cannot be written there either; the rescue tries the next folder.
  }
  return rescue(native, [directory, beside], basename(file), currentDate());
}

function publish({ hub }: DisabledConnection, finding: Loss, error: Error, saved: Rescue | null): void {
  const rescued = saved?.rescued === true ? saved.path : null;
  hub.publish(isAboutFiles(finding) ? 'fileReplaced' : 'locksLost', { error, rescued });
}

function makeError(finding: Loss, saved: Rescue | null, aside: SetAside | null): LocksLostError | FileReplacedError {
  const likely = `Likely: ${finding.culprits.join('; ')}.`;
  const message = [finding.message, likely, tellRescue(saved), tellAside(aside)].filter(part => part !== '').join(' ');
  const context = {
    details: {
      ...finding.details,
      kind: finding.kind,
      culprits: finding.culprits,
      rescued: saved?.rescued === true ? saved.path : null,
      setAside: aside?.moved ?? [],
    },
    ...hintFor(finding, saved, aside),
    ...(saved?.rescued === false ? { cause: saved.error } : {}),
  };
  return isAboutFiles(finding) ? new FileReplacedError(message, context) : new LocksLostError(message, context);
}

/** Names the rescued copy only if there is one. A remaining `-wal` would be played into the file that is now at the name. */
function hintFor(finding: Loss, saved: Rescue | null, aside: SetAside | null): { hint?: string } {
  const compare = saved?.rescued === true ? `Compare the rescued copy (${saved.path}) with the current file. ` : '';
  if (aside !== null && aside.obstacle !== null) {
    const file = String(finding.details['file']);
    return {
      hint: `${compare}Before the restart, move ${file}-wal and ${file}-shm away (${aside.obstacle}): they belong to the old database.`,
    };
  }
  return compare !== '' && isAboutFiles(finding) ? { hint: `${compare}Then restart the process.` } : {};
}

function tellAside(aside: SetAside | null): string {
  if (aside === null || aside.moved.length === 0) return '';
  return `Its files were set aside as ${aside.moved.join(' and ')}; the next open does not use them for the current file.`;
}

function isAboutFiles({ kind }: Loss): boolean {
  return kind === 'databaseReplaced' || kind === 'sidecarReplaced' || kind === 'changedUnderneath';
}

function tellRescue(saved: Rescue | null): string {
  if (saved === null) return '';
  if (!saved.rescued) return `The data of the connection could not be saved yet: ${saved.error.message}`;
  const checked = saved.problem === null ? '' : ` Its check reported: ${saved.problem}.`;
  return `Everything that this connection had committed is saved in ${saved.path}.${checked}`;
}
