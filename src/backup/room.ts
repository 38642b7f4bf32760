/** Decides whether there is space for a copy, and stops a copy that would take the space of the service. */
import { closeSync, ftruncateSync, openSync, statSync } from 'node:fs';
import { clearInterval, setInterval } from '../base/clock';
import { formatBytes } from '../base/figures';
import { BackupError } from '../errors/refusals';
import { SqliteFullError } from '../errors/sqlite-errors';
import { readSpace } from '../filesystem/space';

export interface RoomFacts {
  /** Bytes available to this user where the copy is written. */
  readonly freeBytes: number;
  /** Bytes that the copy still needs. */
  readonly neededBytes: number;
  /** Bytes that must stay free for the service. */
  readonly reserveBytes: number;
}

/** True if there is space for the copy and for the service. Pure. */
export function hasRoom({ freeBytes, neededBytes, reserveBytes }: RoomFacts): boolean {
  return freeBytes >= neededBytes + reserveBytes;
}

const share = 0.05;
/** 5 % of a very large disk is more than any service writes during a backup. */
const mostShare = 1_073_741_824;

/**
 * Returns the default reserve of a backup: 5 % of the filesystem (1 GiB at most), or twice the checkpoint threshold if
 * that is more. Zero on a filesystem other than that of the database. Pure.
 */
export function defaultReserve(totalBytes: number, walBytes: number, sharesFilesystem: boolean): number {
  return sharesFilesystem ? Math.max(Math.min(totalBytes * share, mostShare), 2 * walBytes) : 0;
}

/** The default of `checkpoint.walBytes`. */
const usualWalBytes = 4_096_000;
/** Interval of the space checks while a copy grows, in milliseconds. */
const lookMs = 50;

export interface RoomQuestion {
  /** The folder in which the copy is written. */
  readonly folder: string;
  /** The copied file; `null` for a database without one. */
  readonly source: string | null;
  /** `null`: the default. */
  readonly reserveBytes: number | null;
}

/** Refuses a copy for which there is no space, and returns the bytes that must stay free. */
export function requireRoom({ folder, source, reserveBytes }: RoomQuestion): number {
  const { freeBytes, totalBytes } = readSpace(folder);
  const facts = source === null ? undefined : statSync(source, { throwIfNoEntry: false });
  const shares = facts !== undefined && facts.dev === statSync(folder).dev;
  const reserve = reserveBytes ?? defaultReserve(totalBytes, usualWalBytes, shares);
  const neededBytes = facts?.size ?? 0;
  if (!hasRoom({ freeBytes, neededBytes, reserveBytes: reserve })) {
    throw noRoom(folder, { freeBytes, neededBytes, reserveBytes: reserve }, 'The copy was not begun');
  }
  return reserve;
}

/**
 * Checks the space while a copy grows. When half of the reserve is used up, `stop` is called with the error: the
 * service has the other half until the written part is freed.
 */
export function watchRoom(folder: string, reserveBytes: number, stop: (error: BackupError) => void): { end(): void } {
  if (reserveBytes === 0) return { end: () => {} };
  const timer = setInterval(() => {
    const freeBytes = freeIn(folder);
    if (freeBytes === null || freeBytes >= reserveBytes / 2) return;
    clearInterval(timer);
    stop(noRoom(folder, { freeBytes, neededBytes: 0, reserveBytes }, 'The copy was stopped'));
  }, lookMs).unref();
  return { end: () => clearInterval(timer) };
}

/** `null` if the folder is gone: the copy then fails by itself. */
function freeIn(folder: string): number | null {
  try {
    return readSpace(folder).freeBytes;
  } catch {
    return null;
  }
}

/**
 * Frees what `VACUUM INTO`, which cannot be interrupted, writes to `file` until it ends: SQLite re-reads its own pages,
 * misses them, and fails. The file is not used again.
 */
export function discardUntil(file: string, over: Promise<void>): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r+');
  } catch {
    return;
  }
  const empty = (): void => {
    try {
      ftruncateSync(descriptor);
    } catch {
      // The disk fails: then nothing is freed.
    }
  };
  empty();
  const timer = setInterval(empty, lookMs).unref();
  void over.then(() => {
    clearInterval(timer);
    closeSync(descriptor);
  });
}

function noRoom(folder: string, facts: RoomFacts, what: string): BackupError {
  const { freeBytes, neededBytes, reserveBytes } = facts;
  const need = neededBytes > 0 ? `the copy needs ${formatBytes(neededBytes)}, and ` : '';
  const message = `${what}: ${formatBytes(freeBytes)} are free in ${folder}; ${need}${formatBytes(reserveBytes)} stay for the service.`;
  return new BackupError(message, {
    hint: 'Free space on the disk of the destination, or back up to another one. `reserveBytes` sets what a backup leaves free.',
    details: { step: 'room', folder, ...facts },
    cause: new SqliteFullError(message, 'SQLITE_FULL', {}),
  });
}
