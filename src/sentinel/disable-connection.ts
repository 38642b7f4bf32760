/** What becomes of a connection whose locks or files are lost: the error, the rescue, the events. */
import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { currentDate } from '../base/clock';
import type { EventHub } from '../events/event-hub';
import { FileReplacedError, LocksLostError } from '../errors/refusals';
import type { Loss } from './finding';
import { rescue, type Rescue, type RescuedConnection } from './rescue';
import type { SetAside } from './set-aside';

/** The part of a connection that is condemned. */
export interface DisabledConnection {
  readonly native: RescuedConnection;
  readonly file: string;
  readonly hub: EventHub;
  /** Makes every further call through any handle throw what this gives. */
  refuse(refusal: () => Error): void;
}

/** What was done about a fatal finding. */
export interface Outcome {
  /** What this call throws. */
  readonly error: Error;
  /** Tells everybody. */
  readonly tell: () => void;
  /** Tries again to save what is not saved yet; true when it is saved now, and told. `null` where nothing is left to save. */
  readonly rescueAgain: (() => boolean) | null;
}

/**
 * Fences the connection and saves what only it still sees, in this order: nothing may be written any more while the rest
 * goes on. Telling is left to the caller, because a listener may close the connection.
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
    connection.hub.publish('fenced', { error });
  };
  return { error, tell: tellAll, rescueAgain: done ? null : again };
}

/** Where somebody looks for it: in the folder that was named for it, beside the database, at last anywhere. */
function saveFiles({ native, file }: DisabledConnection, directory: string | null): Rescue {
  const beside = dirname(file);
  if (directory === null) return rescue(native, [beside], basename(file), currentDate());
  try {
    mkdirSync(directory, { recursive: true });
  } catch {
    // It cannot be written there either, and the rescue goes on to the next folder.
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
    ...hintFor(finding, aside),
    ...(saved?.rescued === false ? { cause: saved.error } : {}),
  };
  return isAboutFiles(finding) ? new FileReplacedError(message, context) : new LocksLostError(message, context);
}

/** The `-wal` that is still there would be played into the file that stands there now. */
function hintFor({ details }: Loss, aside: SetAside | null): { hint?: string } {
  if (aside === null || aside.obstacle === null) return {};
  const file = String(details['file']);
  return {
    hint: `Compare the rescued copy with the file that stands there now. Before the restart, move ${file}-wal and ${file}-shm away (${aside.obstacle}): they belong to the old database.`,
  };
}

function tellAside(aside: SetAside | null): string {
  if (aside === null || aside.moved.length === 0) return '';
  return `What belonged to it was set aside as ${aside.moved.join(' and ')}, so that the next open does not use it for the file that stands there now.`;
}

function isAboutFiles({ kind }: Loss): boolean {
  return kind === 'databaseReplaced' || kind === 'sidecarReplaced' || kind === 'changedUnderneath';
}

function tellRescue(saved: Rescue | null): string {
  if (saved === null) return '';
  if (!saved.rescued) return `What the connection saw could not be saved yet: ${saved.error.message}`;
  const checked = saved.problem === null ? '' : ` Its check said: ${saved.problem}.`;
  return `Everything that this connection had committed is saved in ${saved.path}.${checked}`;
}
