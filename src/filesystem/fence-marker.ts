/** Reads, writes and removes the fence marker: the small file that tells every process that the storage failed here. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
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
import { asError, errorCode } from '../base/foreign-error';
import { shellWord } from '../base/terminal-text';
import { UntrustedFileError } from '../errors/refusals';
import { isCount, isNullOr, isText, parseShape, type Shape } from './json-shape';
import { readSmallFile } from './small-file';
import { isTrusted } from './trust';

/** What the file says. */
interface MarkerText {
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

/** What the marker says. One that cannot be read, or that somebody else put there, fences all the same. */
export interface FenceMarker extends MarkerText {
  /** User id of the marker's owner; `null` where the system does not say. */
  readonly owner: number | null;
  /**
   * Why this marker may not be one that this library wrote, for example `'it is a symbolic link of user 1001'`; `null` for
   * one of this user, of root, or of the owner of the database.
   */
  readonly problem: string | null;
}

/** More than any marker has, in bytes: paths and messages of SQLite are short. */
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

/** Beside `-wal` and `-shm`, so that whoever lists the files of the database sees it. */
export function fenceMarkerPath(file: string): string {
  return `${file}-fenced`;
}

/**
 * True where anything stands under the name of the marker, a link that leads nowhere too: the writer of a marker meets it
 * as well. One system call and no error: it is asked again and again, also on a disk that fails.
 */
export function hasFenceMarker(file: string): boolean {
  try {
    return lstatSync(fenceMarkerPath(file), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // The folder cannot be searched: then SQLite opens nothing there either.
  }
}

/** The marker of a database; `null` when there is none. */
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
    // A disk that fails may take the name of the marker alone: an empty one may well be of this library.
    const form = found.text === '' ? null : 'it does not have the form of a marker';
    return { ...unreadable(file), owner, problem: stranger ?? form };
  }
  return { ...marker, owner, problem: stranger };
}

/** How to look at a marker that may not come from this library, and how to remove it; empty for one that does. */
export function adviceOnMarker({ file, problem }: Pick<FenceMarker, 'file' | 'problem'>): string {
  if (problem === null) return '';
  const name = shellWord(fenceMarkerPath(file));
  return `Look at the marker (ls -ld ${name}): if nobody who runs this database made it, remove it (rm ${name}; rmdir where it is a folder), and open again.`;
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
    const descriptor = openSync(path, 'wx', 0o600);
    try {
      giveAccessOf(file, descriptor);
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

/**
 * Whoever may read the database may read why it is fenced, and nobody else. Written by root, the marker gets the owner of
 * the database, as SQLite gives it to a -wal.
 */
function giveAccessOf(file: string, descriptor: number): void {
  try {
    const database = statSync(file);
    const own = fstatSync(descriptor);
    let group = own.gid === database.gid;
    if (!group || own.uid !== database.uid) {
      try {
        fchownSync(descriptor, process.geteuid?.() === 0 ? database.uid : own.uid, database.gid);
        group = true;
      } catch {
        // Not a member of that group.
      }
    }
    fchmodSync(descriptor, database.mode & (group ? 0o666 : 0o606));
  } catch {
    // No database, or a filesystem without permissions: the marker stays as private as it is.
  }
}

/**
 * Removes the marker and makes that durable. A link goes itself, and not what it leads to.
 *
 * Throws `UntrustedFileError` for a folder, which this library never makes; otherwise what the operating system says.
 */
export function removeFenceMarker(file: string): void {
  const path = fenceMarkerPath(file);
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new UntrustedFileError(`The fence marker ${path} is a folder, which this library never makes.`, {
      hint: `Look at what is in it and who made it (ls -la ${shellWord(path)}), then remove it (rmdir ${shellWord(path)}).`,
      details: { file, path },
    });
  }
  unlinkSync(path);
  syncFolder(dirname(path));
}

/** The identity of this boot of the machine: only a reboot or a new mount empties the page cache for certain. */
export function bootId(): string | null {
  const found = readSmallFile('/proc/sys/kernel/random/boot_id', 256);
  return found.state === 'read' ? found.text.trim() : null;
}

function ownerOf(file: string): number | null {
  try {
    return statSync(file, { throwIfNoEntry: false })?.uid ?? null;
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
