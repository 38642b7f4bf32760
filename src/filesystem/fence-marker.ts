/** Reads, writes and removes the fence marker: the small file that tells every process that the storage failed. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { chmodOpen, chownOpen, isRestricted, syncedWrites, syncWritten } from '../base/descriptor-calls';
import { procFolder } from '../base/proc-folder';
import { asError, errorCode } from '../base/foreign-error';
import { fileCommands } from '../base/file-commands';
import { shellWord } from '../base/terminal-text';
import { UntrustedFileError } from '../errors/refusals';
import { isCount, isNullOr, isText, parseShape, type Shape } from './json-shape';
import { readSmallFile } from './small-file';
import { isTrusted } from './trust';

/** The content of the file. */
interface MarkerText {
  /** Canonical path of the database. */
  readonly file: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly pid: number;
  readonly host: string;
  /** Changes at each boot of the machine; `null` if the system does not tell. */
  readonly boot: string | null;
  /** Result code of the first fault, for example `'SQLITE_IOERR_FSYNC'`. */
  readonly code: string;
  /** The failed operation, for example `'commit'`. */
  readonly operation: string;
  readonly message: string;
}

/** The marker of a database. An unreadable or foreign one also fences. */
export interface FenceMarker extends MarkerText {
  /** User id of the marker's owner; `null` if the system does not tell. */
  readonly owner: number | null;
  /**
   * Why this library may not have written the marker, for example `'it is a symbolic link of user 1001'`; `null` for a
   * marker of this user, of root, or of the owner of the database.
   */
  readonly problem: string | null;
}

/** More than any marker needs, in bytes: paths and messages of SQLite are short. */
const maxBytes = 65_536;
const longestText = 16_384;

const shape: Shape<MarkerText> = {
  file: isText(longestText),
  time: value => typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]{1,20}Z$/.test(value),
  pid: isCount,
  host: isText(255),
  boot: isNullOr(isText(64)),
  code: value => typeof value === 'string' && /^[A-Z][A-Z0-9_]{0,60}$/.test(value),
  operation: isText(255),
  message: isText(longestText),
};

const unknownOperation = 'an unknown operation';

/** Beside `-wal` and `-shm`, visible to anyone who lists the files of the database. */
export function fenceMarkerPath(file: string): string {
  return `${file}-fenced`;
}

/**
 * True if the marker's name exists, even as a dangling link, which also blocks the writer of a marker. One system call
 * that throws no error: it is called repeatedly, also on a failing disk.
 */
export function hasFenceMarker(file: string): boolean {
  try {
    return lstatSync(fenceMarkerPath(file), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // The folder cannot be searched; SQLite opens nothing there either.
  }
}

/** Returns the marker of a database; `null` if there is none. */
export function readFenceMarker(file: string): FenceMarker | null {
  const found = readSmallFile(fenceMarkerPath(file), maxBytes);
  if (found.state === 'missing') return null;
  if (found.state === 'refused') {
    const whose = found.uid === null ? '' : ` of user ${found.uid}`;
    return { ...unreadable(file), owner: found.uid, problem: `it is ${found.what}${whose}` };
  }
  const owner = process.geteuid === undefined ? null : found.stats.uid;
  const stranger = owner === null || isTrusted(owner) || owner === ownerOf(file) ? null : `it belongs to user ${owner}`;
  const marker = parseShape(found.text, shape);
  if (marker === null) {
    // A failing disk may accept only the name of the marker: an empty one may well be from this library.
    const form = found.text === '' ? null : 'it does not have the form of a marker';
    return { ...unreadable(file), owner, problem: stranger ?? form };
  }
  return { ...marker, owner, problem: stranger };
}

/** Returns how to check and remove a marker that may not come from this library; empty for one that does. */
export function adviceOnMarker({ file, problem }: Pick<FenceMarker, 'file' | 'problem'>): string {
  if (problem === null) return '';
  const path = fenceMarkerPath(file);
  return `Check the marker (${fileCommands.listItself(path)}): if no user of this database created it, remove it (${fileCommands.remove(path)}; rmdir if it is a folder), and open again.`;
}

/** Describes the failed operation and its process, as far as the marker names them. */
export function describeMarker({ code, operation, pid, host }: FenceMarker): string {
  const what = operation === unknownOperation ? code : `${code} in a ${operation}`;
  return pid === 0 ? what : `${what} of process ${pid} on ${host}`;
}

/**
 * Writes the marker unless one exists: the first fault counts.
 *
 * Returns the error of the write, `null` once the marker exists and is synced. It never throws, because it is written
 * while another error is being handled.
 */
export function writeFenceMarker(
  fault: Pick<FenceMarker, 'file' | 'time' | 'code' | 'operation' | 'message'>,
): Error | null {
  const { file, time, code, operation, message } = fault;
  const marker: MarkerText = {
    file,
    time,
    pid: process.pid,
    host: hostname(),
    boot: bootId(),
    code,
    operation,
    message,
  };
  const path = fenceMarkerPath(file);
  try {
    // O_EXCL follows no link.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | syncedWrites();
    const descriptor = openSync(path, flags, 0o600);
    try {
      giveAccessOf(file, descriptor, path);
      writeSync(descriptor, `${JSON.stringify(marker, null, 2)}\n`);
      syncWritten(descriptor);
    } finally {
      closeSync(descriptor);
    }
    syncFolder(dirname(path));
    return null;
  } catch (error) {
    return errorCode(error) === 'EEXIST' ? null : asError(error);
  }
}

/**
 * Gives the marker to the readers of the database and no other user. Written by root, it gets the owner of the
 * database, as SQLite does for a -wal.
 */
function giveAccessOf(file: string, descriptor: number, path: string): void {
  try {
    const database = statSync(file);
    const own = fstatSync(descriptor);
    let group = own.gid === database.gid;
    if (!group || own.uid !== database.uid) {
      try {
        chownOpen(descriptor, path, process.geteuid?.() === 0 ? database.uid : own.uid, database.gid);
        group = true;
      } catch {
        // This user is not a member of that group.
      }
    }
    chmodOpen(descriptor, path, database.mode & (group ? 0o666 : 0o606));
  } catch {
    // No database, or a filesystem without permissions: the marker stays private.
  }
}

/**
 * Removes the marker durably. Of a link it removes the link, not the target.
 *
 * Throws `UntrustedFileError` for a folder, which this library never creates; otherwise the operating system's error.
 */
export function removeFenceMarker(file: string): void {
  const path = fenceMarkerPath(file);
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new UntrustedFileError(`The fence marker ${path} is a folder, which this library never creates.`, {
      hint: `Check its content and its owner (${fileCommands.list(path)}), then remove it (rmdir ${shellWord(path)}).`,
      details: { file, path },
    });
  }
  unlinkSync(path);
  syncFolder(dirname(path));
}

/** Identifies the current boot: only a reboot or a new mount certainly empties the page cache. */
export function bootId(): string | null {
  const found = readSmallFile(`${procFolder}/sys/kernel/random/boot_id`, 256);
  return found.state === 'read' ? found.text.trim() : null;
}

function ownerOf(file: string): number | null {
  try {
    return statSync(file, { throwIfNoEntry: false })?.uid ?? null;
  } catch {
    return null;
  }
}

/** Windows cannot sync a folder, and does not need to; under the permission model nothing can. */
function syncFolder(path: string): void {
  if (process.platform === 'win32' || isRestricted()) return;
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(file: string): MarkerText {
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
