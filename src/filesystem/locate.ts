/** Finds the file that SQLite itself would open, its sidecars and its identity. Nothing is opened. */
import { existsSync, statSync, type BigIntStats } from 'node:fs';
import { dirname, win32 } from 'node:path';
import type { FileIdentity } from '../base/file-identity';
import { InvalidOptionError } from '../errors/refusals';
import { parseMountTable } from './linux/mount-table';
import { resolvePath, type ResolvedPath } from './resolve-path';
import { walkTo, type Walk } from './linux/walk';
import { windowsRealPath } from './windows/windows';

/** Where a database stands, before anything of it is opened. */
export interface Location {
  /** The file name as it was given. */
  readonly requested: string;
  /** The file that SQLite opens: absolute, trimmed, symbolic links followed (a dangling one names its target). */
  readonly file: string;
  readonly directory: string;
  readonly wal: string;
  readonly shm: string;
  readonly journal: string;
  /**
   * False where better-sqlite3 itself throws `TypeError('Cannot open database because the directory does not exist')`.
   * Its check looks at the name as given, so for a dangling symbolic link it is true though `directory` may be missing.
   */
  readonly parentExists: boolean;
  readonly exists: boolean;
  /** What stands at `file`; `null` if nothing does. */
  readonly kind: 'file' | 'directory' | 'other' | null;
  readonly identity: FileIdentity | null;
  readonly directoryIdentity: FileIdentity | null;
  /** Bytes; `null` where the file does not exist. */
  readonly size: number | null;
  readonly nlink: number | null;
  /** Permission bits and type as stat(2) has them. */
  readonly mode: number | null;
  /**
   * True when the path leads to a mount whose server or daemon could let the process hang, and which is refused anyway:
   * the walk ended there, so `exists`, `identity` and the rest are not known. See `LocateOptions.touchShared`.
   */
  readonly untouched: boolean;
  /** How `requested` led to `file`, where the probe of the filesystem can go on from there: on Linux. */
  readonly walk: Walk | null;
}

export interface LocateOptions {
  /** Look at files on network and shared mounts too; give it when the user allowed such a mount. Default `false`. */
  readonly touchShared?: boolean;
  /** Take the name as it is, white space at its ends too: as ATTACH and VACUUM INTO do. Default `false`: trimmed. */
  readonly exact?: boolean;
}

const noMounts = parseMountTable('');

/** `filename` as SQLite gets it: relative to the working directory, never a URI; trimmed, as better-sqlite3 does, or exact. */
export function locate(filename: string, options: LocateOptions = {}): Location {
  const name = options.exact === true ? filename : filename.trim();
  if (name.includes('\0')) {
    throw new InvalidOptionError(
      `Expected the file name to be free of NUL characters, got \`${JSON.stringify(filename)}\`.`,
      {
        hint: 'SQLite would open the part before the NUL character: give the name that you mean.',
      },
    );
  }
  const walk = process.platform === 'linux' ? walkTo(name, options.touchShared === true) : null;
  const resolved = walk ?? resolveElsewhere(name);
  const file = resolved.path;
  if (file !== file.trim()) {
    throw new InvalidOptionError(
      `The database \`${filename}\` is ${JSON.stringify(file)}, whose name begins or ends with white space.`,
      {
        hint: 'better-sqlite3 trims file names and would open another file: rename the database.',
      },
    );
  }
  const untouched = resolved.stoppedAt !== null;
  const directory = dirname(file);
  const stats = untouched ? undefined : statsOf(file);
  if (!untouched) refuseUnreadableName(name, file, stats);
  return Object.freeze({
    requested: filename,
    file,
    directory,
    wal: `${file}-wal`,
    shm: `${file}-shm`,
    journal: `${file}-journal`,
    // better-sqlite3 does not look for the folder of a name that begins like a URI.
    parentExists: untouched || name.startsWith('file:') || existsSync(dirname(name)),
    exists: stats !== undefined,
    kind: stats === undefined ? null : kindOf(stats),
    identity: identityOf(stats),
    directoryIdentity: untouched ? null : identityOf(statsOf(directory)),
    size: stats === undefined ? null : Number(stats.size),
    nlink: stats === undefined ? null : Number(stats.nlink),
    mode: stats === undefined ? null : Number(stats.mode),
    untouched,
    walk,
  });
}

function resolveElsewhere(name: string): ResolvedPath {
  if (process.platform === 'win32') return { path: windowsFile(name), stoppedAt: null, mount: null };
  return resolvePath(name, process.cwd(), noMounts, () => false);
}

/** SQLite does not follow links on Windows and would put the sidecars beside the link: name the target instead. */
function windowsFile(name: string): string {
  const full = win32.resolve(name);
  return windowsRealPath(full) ?? full;
}

/** Which file stands at a canonical path right now; `null` if none does. */
export function identityAt(file: string): FileIdentity | null {
  return identityOf(statsOf(file));
}

/** Missing, not searchable, below a file: nothing that SQLite could open stands there. */
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

/** A link whose target is not UTF-8 cannot be told to SQLite by a JavaScript string: another file would be opened. */
function refuseUnreadableName(name: string, file: string, stats: BigIntStats | undefined): void {
  // What Node cannot decode it shows as U+FFFD. A file that appears between two looks is no reason to refuse.
  if (name === file || (stats === undefined && !file.includes('\u{fffd}'))) return;
  const asGiven = statsOf(name);
  if (asGiven === undefined || (asGiven.dev === stats?.dev && asGiven.ino === stats.ino)) return;
  throw new InvalidOptionError(`The database \`${name}\` is not the file \`${file}\` that its name resolves to.`, {
    hint: 'The file was replaced just now, or a folder on the way has a name that is not UTF-8. Try again, or rename the folder.',
    details: { name, file },
  });
}
