/** What becomes of a connection whose locks or files are lost: the error, the rescue, the events. */
import { basename, dirname } from 'node:path';
import type { EventHub } from '../events/event-hub';
import { FileReplacedError, LocksLostError } from '../errors/refusals';
import type { Finding } from './finding';
import { rescue, type Rescue, type RescuedConnection } from './rescue';

/** The part of a connection that is condemned. */
export interface Condemned {
  readonly native: RescuedConnection;
  readonly file: string;
  readonly hub: EventHub;
  /** Makes every further call through any handle throw what this gives. */
  refuse(refusal: () => Error): void;
}

/** What was done about a fatal finding. */
export interface Verdict {
  /** What this call, and every later one, throws. */
  readonly error: Error;
  /** What is still to be saved: the rescue met a statement that is not finished. */
  readonly rescuePending: boolean;
}

/**
 * Fences the connection, saves what only it still sees, and tells everybody, in this order: nothing may be written any
 * more while the rest goes on.
 */
export function condemn(connection: Condemned, finding: Finding, rescueDirectory: string | null): Verdict {
  let saved: Rescue | null = null;
  connection.refuse(() => makeError(finding, saved));
  if (finding.filesLost) saved = save(connection, rescueDirectory);
  const error = makeError(finding, saved);
  publish(connection, finding, error, saved);
  connection.hub.publish('fenced', { error });
  return { error, rescuePending: saved !== null && !saved.rescued };
}

/** Tries again what could not be saved; true when it is saved now, and told. */
export function rescueLater(connection: Condemned, finding: Finding, rescueDirectory: string | null): boolean {
  const saved = save(connection, rescueDirectory);
  if (!saved.rescued) return false;
  publish(connection, finding, makeError(finding, saved), saved);
  return true;
}

function save({ native, file }: Condemned, directory: string | null): Rescue {
  return rescue(native, directory ?? dirname(file), basename(file), new Date());
}

function publish({ hub }: Condemned, finding: Finding, error: Error, saved: Rescue | null): void {
  const rescued = saved?.rescued === true ? saved.path : null;
  hub.publish(isAboutFiles(finding) ? 'fileReplaced' : 'locksLost', { error, rescued });
}

function makeError(finding: Finding, saved: Rescue | null): LocksLostError | FileReplacedError {
  const message = [finding.message, `Likely: ${finding.culprits.join('; ')}.`, tellRescue(saved)].join(' ').trim();
  const context = {
    details: {
      ...finding.details,
      kind: finding.kind,
      culprits: finding.culprits,
      rescued: saved?.rescued === true ? saved.path : null,
    },
    ...(saved?.rescued === false ? { cause: saved.error } : {}),
  };
  return isAboutFiles(finding) ? new FileReplacedError(message, context) : new LocksLostError(message, context);
}

function isAboutFiles({ kind }: Finding): boolean {
  return kind === 'databaseReplaced' || kind === 'sidecarReplaced';
}

function tellRescue(saved: Rescue | null): string {
  if (saved === null) return '';
  if (!saved.rescued) return `What the connection saw could not be saved yet: ${saved.error.message}`;
  const checked = saved.problem === null ? '' : ` Its check said: ${saved.problem}.`;
  return `Everything that this connection had committed is saved in ${saved.path}.${checked}`;
}
