/**
 * Fences a file: after a storage fault no connection of this process touches it again.
 *
 *     first fault --> refuse every call  --> notify threads,    --> close every connection  --> notify
 *                     (all connections       write the marker        (companions first, then
 *                      of the file in        (other processes)        the native close)
 *                      this thread)
 *
 * The state is shared by every copy of this package in the thread. It ends with the process: only a new process reads
 * the file again, after an operator has checked the storage and cleared the marker.
 */
import { currentDate } from '../base/clock';
import { asError } from '../base/foreign-error';
import { processGlobal } from '../base/process-global';
import { visible } from '../base/terminal-text';
import { FencedDatabaseError } from '../errors/refusals';
import { translateError } from '../errors/translate';
import {
  adviceOnMarker,
  fenceMarkerPath,
  hasFenceMarker,
  readFenceMarker,
  writeFenceMarker,
  type FenceMarker,
} from '../filesystem/fence-marker';
import { NativeSqliteError } from '../native/sqlite-error';
import { forgetToldFault, tellFault, toldFault } from './other-threads';

/** The first fault of a file. */
export interface FenceFault {
  /** Canonical path of the database. */
  readonly file: string;
  /** The first failure; built from the marker if another process met the fault. */
  readonly error: Error;
  /** Result code, for example `'SQLITE_IOERR_FSYNC'`. */
  readonly code: string;
  readonly operation: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Path of the fence marker. */
  readonly marker: string;
  /** Why the marker could not be written; `null` if it exists. */
  readonly markerError: Error | null;
  /** Why this library may not have written the marker; `null` if nothing suggests that. */
  readonly markerProblem: string | null;
}

/** A connection that has the file open. Neither method throws. */
export interface FenceMember {
  /** Makes every further call throw. Runs for all members before anything else is done. */
  refuse(error: () => FencedDatabaseError): void;
  /** Closes the native connection without a checkpoint, stops its services, notifies. */
  letGo(fault: FenceFault): void;
}

export interface FencedFile {
  /** The key of the file in the registry. */
  readonly key: string;
  /** Canonical path. */
  readonly file: string;
}

interface FenceState {
  readonly faults: Map<string, FenceFault>;
  readonly members: Map<string, Set<FenceMember>>;
}

const state = processGlobal<FenceState>('fence', 1, () => ({ faults: new Map(), members: new Map() }));

/** Makes a connection fall with the file, until the returned function is called. */
export function joinFence({ key }: FencedFile, member: FenceMember): () => void {
  const members = state.members.get(key) ?? new Set();
  state.members.set(key, members.add(member));
  return () => {
    members.delete(member);
    if (members.size === 0 && state.members.get(key) === members) state.members.delete(key);
  };
}

/** Returns the first fault of a file in this process; `null` while it is not fenced. */
export function faultOf(key: string): FenceFault | null {
  return state.faults.get(key) ?? null;
}

/**
 * After an open that has created the file: a fault under its key belongs to a deleted fenced file whose inode was
 * reused.
 */
export function forgetFault(key: string): void {
  state.faults.delete(key);
  forgetToldFault(key);
}

/**
 * Fences files after a fault. A connection with attached databases has several: the code does not tell which failed.
 */
export function fenceFiles(
  files: readonly FencedFile[],
  error: Error & { readonly code: string },
  operation: string,
): void {
  const fresh = files.filter(({ key }) => !state.faults.has(key));
  const since = currentDate().toISOString();
  const common = { error, code: error.code, operation, since, markerError: null, markerProblem: null };
  for (const { key, file } of fresh) state.faults.set(key, { ...common, file, marker: fenceMarkerPath(file) });
  for (const { key } of fresh) refuseAll(key);
  const facts = { time: since, code: error.code, operation, message: error.message };
  for (const { key } of fresh) tellFault({ key, ...facts });
  for (const { key, file } of fresh) {
    const markerError = writeFenceMarker({ file, ...facts });
    const fault = state.faults.get(key);
    if (fault !== undefined && markerError !== null) state.faults.set(key, { ...fault, markerError });
  }
  for (const { key } of fresh) letAllGo(key);
}

/** Fences a file that another process has marked, or another thread reported. True if it is fenced now. */
export function noticeMarker({ key, file }: FencedFile): boolean {
  if (state.faults.has(key)) return true;
  const fault = faultOfOthers(key, file);
  if (fault === null) return false;
  state.faults.set(key, fault);
  refuseAll(key);
  letAllGo(key);
  return true;
}

/**
 * For an open: throws if the file is fenced, in this process or by a marker.
 *
 * A read-only connection never checkpoints and may serve to rescue the data; it gets the reason instead.
 */
export function refuseFenced({ key, file }: FencedFile, readonly: boolean): string | null {
  const fault = state.faults.get(key) ?? faultOfOthers(key, file);
  if (fault === null) return null;
  if (!readonly) throw fencedError(fault);
  return `${describeFault(fault)}; it was opened read-only, and its reads may differ from the data on the disk.`;
}

/** Builds the error of every call on a fenced file. */
export function fencedError(fault: FenceFault): FencedDatabaseError {
  return new FencedDatabaseError(`${describeFault(fault)}.`, {
    hint:
      (fault.markerProblem === null
        ? ''
        : `${adviceOnMarker({ file: fault.file, problem: fault.markerProblem })} Otherwise: `) +
      `Check the storage first (dmesg, smartctl). Nothing in ${fault.file}-wal is lost by waiting: ` +
      'keep all programs off the file, copy it with its -wal, and follow `npx safe-sqlite explain SAFE_SQLITE_FENCED`.',
    details: {
      file: fault.file,
      code: fault.code,
      operation: fault.operation,
      since: fault.since,
      marker: fault.marker,
      ...(fault.markerProblem === null ? {} : { markerProblem: fault.markerProblem }),
    },
    cause: fault.error,
  });
}

function describeFault({ file, operation, code, since, markerProblem }: FenceFault): string {
  if (markerProblem === null) return `${file} has been fenced since ${since}: ${operation} failed with ${code}`;
  return `${file} is fenced by a marker that may not come from this library: ${markerProblem}`;
}

/** Returns the fault that another process has marked, or another thread of this one reported. */
function faultOfOthers(key: string, file: string): FenceFault | null {
  const marker = hasFenceMarker(file) ? readFenceMarker(file) : null;
  if (marker !== null) {
    return faultFrom(marker, `in process ${marker.pid} on ${visible(marker.host)}`, file, marker.problem);
  }
  const told = toldFault(key);
  return told === null ? null : faultFrom(told, 'in another thread', file, null);
}

type Facts = Pick<FenceMarker, 'code' | 'operation' | 'message' | 'time'>;

function faultFrom(
  { code, operation: written, message, time }: Facts,
  where: string,
  file: string,
  markerProblem: string | null,
): FenceFault {
  const native = new NativeSqliteError(`${visible(message)} (${where})`, code);
  const operation = visible(written);
  const translated = translateError(native, { file, operation });
  return {
    file,
    error: asError(translated),
    code,
    operation,
    since: time,
    marker: fenceMarkerPath(file),
    markerError: null,
    markerProblem,
  };
}

function refuseAll(key: string): void {
  const fault = state.faults.get(key);
  if (fault === undefined) return;
  for (const member of membersOf(key)) member.refuse(() => fencedError(fault));
}

function letAllGo(key: string): void {
  const fault = state.faults.get(key);
  if (fault === undefined) return;
  for (const member of membersOf(key)) if (state.members.get(key)?.has(member) === true) member.letGo(fault);
}

/** A snapshot: a read-only connection that a listener opens meanwhile does not fall; one that it closes is left out. */
function membersOf(key: string): readonly FenceMember[] {
  return [...(state.members.get(key) ?? [])];
}
