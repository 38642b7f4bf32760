/** Decides whether there is space for a copy, and stops a copy that would take the space of the service. */
import { closeSync, ftruncateSync, openSync, statSync } from 'node:fs';
import { clearInterval, setInterval } from '../base/clock';
import { formatBytes } from '../base/figures';
import { BackupError, RestoreError } from '../errors/refusals';
import { SqliteFullError } from '../errors/sqlite-errors';
import { hasRoom, readRoom, type RoomFacts } from '../filesystem/room';
import { readSpace } from '../filesystem/space';

/** How often the room is asked for while a copy grows, in milliseconds: a fast disk takes some 20 MB meanwhile. */
const lookMs = 10;

export interface RoomQuestion {
  /** The folder in which the copy is written. */
  readonly folder: string;
  /** The copied file; `null` for a database without one. */
  readonly source: string | null;
  /** A file of the database whose service needs the reserve; `null` for one without a file. Default: `source`. */
  readonly service?: string | null | undefined;
  /** The size at which its WAL is copied back, in bytes. */
  readonly walBytes?: number | undefined;
  /** `null`: the default. */
  readonly reserveBytes: number | null;
  /** What is made. Default `'backup'`. */
  readonly of?: 'backup' | 'restore' | undefined;
}

/** Refuses a copy for which there is no room, and returns what must stay free. */
export function requireRoom(question: RoomQuestion): number {
  const { folder, source, service = source, walBytes, reserveBytes } = question;
  // What is committed and not yet copied back lies in the -wal.
  const sizes = source === null ? [] : [source, `${source}-wal`].map(sizeOf);
  const neededBytes = sizes.reduce((sum, size) => sum + size, 0);
  const room = readRoom({ folder, neededBytes, database: service, walBytes, reserveBytes });
  if (!hasRoom(room)) throw noRoom(question, room, 'The copy was not begun');
  return room.reserveBytes;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Copies where there is room, and stops a copy that takes the room of the service. */
export async function withRoom<Result>(
  question: RoomQuestion,
  outer: AbortSignal | undefined,
  copy: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const full = new AbortController();
  const watch = watchRoom(question, requireRoom(question), error => full.abort(error));
  try {
    return await copy(outer === undefined ? full.signal : AbortSignal.any([outer, full.signal]));
  } finally {
    watch.end();
  }
}

/**
 * Checks the space while a copy grows. When half of the reserve is used up, `stop` is called with the error: the
 * service has the other half until the written part is freed.
 */
function watchRoom(question: RoomQuestion, reserveBytes: number, stop: (error: Error) => void): { end(): void } {
  if (reserveBytes === 0) return { end: () => {} };
  const timer = setInterval(() => {
    const freeBytes = freeIn(question.folder);
    if (freeBytes === null || freeBytes >= reserveBytes / 2) return;
    clearInterval(timer);
    stop(noRoom(question, { freeBytes, neededBytes: 0, reserveBytes }, 'The copy was stopped'));
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

function noRoom({ folder, of = 'backup' }: RoomQuestion, facts: RoomFacts, what: string): Error {
  const { freeBytes, neededBytes, reserveBytes } = facts;
  const need = neededBytes > 0 ? `the copy needs ${formatBytes(neededBytes)}, and ` : '';
  const message = `${what}: ${formatBytes(freeBytes)} are free in ${folder}; ${need}${formatBytes(reserveBytes)} stay for the service.`;
  const cause = new SqliteFullError(message, 'SQLITE_FULL', {});
  const details = { step: 'room', folder, ...facts };
  return of === 'backup'
    ? new BackupError(message, {
        hint: 'Free space on the disk of the destination, or back up to another one. `reserveBytes` (`--reserve-bytes` on the command line) says what a backup leaves free.',
        details,
        cause,
      })
    : new RestoreError(message, {
        hint: 'The database is as it was. Free space on its disk, or lower `reserveBytes` (`--reserve-bytes 0` on the command line), which says what a restore leaves free.',
        details,
        cause,
      });
}
