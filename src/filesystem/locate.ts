/** Finds the file that SQLite itself would open, its sidecars and its identity, without opening any. */
import { statSync, type BigIntStats } from 'node:fs';
import { dirname, resolve, win32 } from 'node:path';
import { exists } from '../base/exists';
import type { FileIdentity } from '../base/file-identity';
import { InvalidOptionError } from '../errors/refusals';
import { parseMountTable } from './linux/mount-table';
import { resolvePath, type ResolvedPath } from './resolve-path';
import { walkTo, type Walk } from './linux/walk';
import { namesShare, plainWindowsPath } from './windows/path';
import { windowsRealPath } from './windows/windows';

/** The location of a database, before any of its files is opened. */
export interface Location {
  /** The file name as given. */
  readonly requested: string;
  /** The file that SQLite opens: absolute, trimmed, symbolic links followed (a dangling one names its target). */
  readonly file: string;
  readonly directory: string;
  readonly wal: string;
  readonly shm: string;
  readonly journal: string;
  /**
   * False if better-sqlite3 itself throws `TypeError('Cannot open database because the directory does not exist')`. It
   * checks the name as given, so this is true for a dangling symbolic link even if `directory` is missing. Of an exact
   * name, which SQLite alone reads, it says if `directory` exists: SQLite takes `missing/../x.db` for `x.db`.
   */
  readonly parentExists: boolean;
  readonly exists: boolean;
  /** Type of the file at `file`; `null` if it does not exist. */
  readonly kind: 'file' | 'directory' | 'other' | null;
  readonly identity: FileIdentity | null;
  readonly directoryIdentity: FileIdentity | null;
  /** Bytes; `null` if the file does not exist. */
  readonly size: number | null;
  readonly nlink: number | null;
  /** Permission bits and type as in stat(2). */
  readonly mode: number | null;
  /** User that owns the file. */
  readonly owner: number | null;
  /**
   * True if the path leads to a mount whose server or daemon could hang the process, and which is refused anyway: the
   * walk ended there, so `exists`, `identity` and the rest are unknown. See `LocateOptions.touchShared`.
   */
  readonly untouched: boolean;
  /** The walk from `requested` to `file`, from which the filesystem probe can continue: on Linux. */
  readonly walk: Walk | null;
}

export interface LocateOptions {
  /** Access files on network and shared mounts too; set it if the user allowed such a mount. Default `false`. */
  readonly touchShared?: boolean;
  /**
   * Take the name literally, including white space at its ends, as ATTACH and VACUUM INTO do. Default `false`: trimmed.
   */
  readonly exact?: boolean;
}

interface Resolved extends ResolvedPath {
  /** True for a share of Windows, which has no row in a table of mounts. */
  readonly untouched?: boolean;
}

const noMounts = parseMountTable('');

/**
 * Locates `filename` as SQLite gets it: relative to the working directory, never a URI; trimmed, as in better-sqlite3,
 * or exact.
 */
export function locate(filename: string, options: LocateOptions = {}): Location {
  const name = options.exact === true ? filename : filename.trim();
  if (name.includes('\0')) {
    throw new InvalidOptionError(
      `Expected the file name to be free of NUL characters, got \`${JSON.stringify(filename)}\`.`,
      {
        hint: 'SQLite would open the part before the NUL character: pass the intended name.',
      },
    );
  }
  refuseUnreadable(name);
  const walk = process.platform === 'linux' ? walkTo(name, options.touchShared === true) : null;
  const resolved: Resolved = walk ?? resolveElsewhere(name, options.touchShared === true);
  const file = resolved.path;
  if (file !== file.trim()) {
    throw new InvalidOptionError(
      `The database \`${filename}\` is ${JSON.stringify(file)}, whose name begins or ends with white space.`,
      {
        hint: 'better-sqlite3 trims file names and would open another file: rename the database.',
      },
    );
  }
  const untouched = resolved.stoppedAt !== null || resolved.untouched === true;
  const directory = dirname(file);
  const stats = untouched ? undefined : resolved.seen === null ? statsOf(file) : resolved.seen.stats;
  // Behind the look at the file: that has mounted what an automounter puts in place of the folder.
  const folder = untouched ? undefined : statsOf(directory);
  if (!untouched) refuseUnreadableName(name, file, stats);
  return Object.freeze({
    requested: filename,
    file,
    directory,
    wal: `${file}-wal`,
    shm: `${file}-shm`,
    journal: `${file}-journal`,
    parentExists: untouched || (options.exact === true ? folder !== undefined : isFolderThere(name, directory, folder)),
    exists: stats !== undefined,
    kind: stats === undefined ? null : kindOf(stats),
    identity: identityOf(stats),
    directoryIdentity: identityOf(folder),
    size: stats === undefined ? null : Number(stats.size),
    nlink: stats === undefined ? null : Number(stats.nlink),
    mode: stats === undefined ? null : Number(stats.mode),
    owner: stats === undefined ? null : Number(stats.uid),
    untouched,
    walk,
  });
}

/** `known`: a folder that was looked at just now. better-sqlite3 does not check that of a name that begins like a URI. */
function isFolderThere(name: string, known: string, stats: BigIntStats | undefined): boolean {
  const folder = dirname(name);
  return name.startsWith('file:') || (folder === known && stats !== undefined) || exists(folder);
}

/** Node's permission model: SQLite itself would open the file, and nothing could be checked before. */
function refuseUnreadable(name: string): void {
  const { permission } = process as { permission?: { has(scope: string, reference: string): boolean } };
  const folder = dirname(resolve(name));
  if (permission === undefined || permission.has('fs.read', folder)) return;
  throw new InvalidOptionError(`Node's permission model does not let this process read ${folder}.`, {
    hint: `Start Node with --allow-fs-read=${folder} and --allow-fs-write=${folder}; the filesystem is only known with --allow-fs-read=*.`,
    details: { name, folder },
  });
}

function resolveElsewhere(name: string, touchShared: boolean): Resolved {
  if (process.platform === 'win32') return windowsFile(name, touchShared);
  return resolvePath(name, process.cwd(), noMounts, () => false);
}

/** SQLite does not follow links on Windows and would put the sidecars beside the link; the target is named instead. */
function windowsFile(name: string, touchShared: boolean): Resolved {
  const plain = plainWindowsPath(win32.resolve(name));
  if ('objection' in plain) {
    throw new InvalidOptionError(`The file name \`${name}\` ${plain.objection}.`, {
      hint: 'Give the plain path of a file.',
      details: { name },
    });
  }
  // An unreachable server would hang the process, for a share that is refused anyway.
  const untouched = !touchShared && namesShare(plain.path);
  return {
    path: untouched ? plain.path : (windowsRealPath(plain.path) ?? plain.path),
    stoppedAt: null,
    mount: null,
    seen: null,
    untouched,
  };
}

/** Returns the identity of the file currently at a canonical path; `null` if it does not exist. */
export function identityAt(file: string): FileIdentity | null {
  return identityOf(statsOf(file));
}

/** Missing, not searchable, or below a file: SQLite could not open it. */
function statsOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function identityOf(stats: BigIntStats | undefined): FileIdentity | null {
  return stats === undefined ? null : Object.freeze({ dev: stats.dev, ino: stats.ino });
}

function kindOf(stats: BigIntStats): 'file' | 'directory' | 'other' {
  if (stats.isFile()) return 'file';
  return stats.isDirectory() ? 'directory' : 'other';
}

/** A JavaScript string cannot pass a non-UTF-8 link target to SQLite: it would open another file. */
function refuseUnreadableName(name: string, file: string, stats: BigIntStats | undefined): void {
  // Node shows undecodable bytes as U+FFFD. A file that appears between two calls is no reason to refuse.
  if (name === file || (stats === undefined && !file.includes('\u{fffd}'))) return;
  const asGiven = statsOf(name);
  if (asGiven === undefined || (asGiven.dev === stats?.dev && asGiven.ino === stats.ino)) return;
  throw new InvalidOptionError(`The database \`${name}\` is not the file \`${file}\` that its name resolves to.`, {
    hint: 'The file was replaced just now, or a folder on the way has a name that is not UTF-8. Try again, or rename the folder.',
    details: { name, file },
  });
}
