/** The small file beside a database that tells every process: the storage failed here, do not write or checkpoint. */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { asError, errorCode } from '../base/foreign-error';

/** What the marker says. A marker that cannot be read, or is empty, fences all the same. */
export interface FenceMarker {
  /** Canonical path of the database. */
  readonly file: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly pid: number;
  readonly host: string;
  /** Changes at each boot of the machine; `null` where the system does not say. */
  readonly boot: string | null;
  /** Result code of the first fault, for example `'SQLITE_IOERR_FSYNC'`. */
  readonly code: string;
  /** What failed, for example `'commit'`. */
  readonly operation: string;
  readonly message: string;
}

const unknownOperation = 'an unknown operation';

/** Beside `-wal` and `-shm`, so that whoever lists the files of the database sees it. */
export function fenceMarkerPath(file: string): string {
  return `${file}-fenced`;
}

/** One system call and no error: it is asked again and again, also on a disk that fails. */
export function hasFenceMarker(file: string): boolean {
  return existsSync(fenceMarkerPath(file));
}

/** The marker of a database; `null` when there is none. */
export function readFenceMarker(file: string): FenceMarker | null {
  let text: string;
  try {
    text = readFileSync(fenceMarkerPath(file), 'utf8');
  } catch {
    return hasFenceMarker(file) ? unreadable(file) : null;
  }
  try {
    const facts: unknown = JSON.parse(text);
    return { ...unreadable(file), ...(typeof facts === 'object' ? facts : {}) };
  } catch {
    return unreadable(file);
  }
}

/** What failed and where, as far as the marker says it. */
export function describeMarker({ code, operation, pid, host }: FenceMarker): string {
  const what = operation === unknownOperation ? code : `${code} in a ${operation}`;
  return pid === 0 ? what : `${what} of process ${pid} on ${host}`;
}

/**
 * Writes the marker, unless there is one: the first fault is the one that counts.
 *
 * Returns what went wrong with it, `null` when it stands and is synced. It never throws, because it is written while
 * another error is on its way.
 */
export function writeFenceMarker(
  fault: Pick<FenceMarker, 'file' | 'time' | 'code' | 'operation' | 'message'>,
): Error | null {
  const marker: FenceMarker = {
    ...fault,
    pid: process.pid,
    host: hostname(),
    boot: bootId(),
  };
  const path = fenceMarkerPath(fault.file);
  try {
    const descriptor = openSync(path, 'wx', 0o644);
    try {
      writeSync(descriptor, `${JSON.stringify(marker, null, 2)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    syncFolder(dirname(path));
    return null;
  } catch (error) {
    return errorCode(error) === 'EEXIST' ? null : asError(error);
  }
}

/** Removes the marker and makes that durable. Throws what the operating system says. */
export function removeFenceMarker(file: string): void {
  const path = fenceMarkerPath(file);
  unlinkSync(path);
  syncFolder(dirname(path));
}

/** The identity of this boot of the machine: only a reboot or a new mount empties the page cache for certain. */
export function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return null;
  }
}

/** Windows cannot sync a folder, and does not need to. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(file: string): FenceMarker {
  return {
    file,
    time: 'an unknown time',
    pid: 0,
    host: 'an unknown host',
    boot: null,
    code: 'SQLITE_IOERR',
    operation: unknownOperation,
    message: 'the fence marker cannot be read',
  };
}
