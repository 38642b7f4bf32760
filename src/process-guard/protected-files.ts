/** Finds the open database, or the sidecar of one, that a path leads to. */
import { lstatSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { isStillOpen, registeredFiles, registryGeneration } from '../registry/registry';

interface ProtectedFiles {
  readonly generation: number;
  /** Keyed by the canonical paths of the databases and of their sidecars. */
  readonly paths: ReadonlyMap<string, ProtectedPath>;
  /** Basenames of those paths in lower case, and of the paths that the databases were opened by. */
  readonly names: ReadonlySet<string>;
  /** Lengths of `names`, which alone rule out most unrelated paths. */
  readonly lengths: ReadonlySet<number>;
  /** Inodes of the databases; the numbers alone rule out most other files. */
  readonly inodes: ReadonlySet<number>;
  /** The folders of the databases, by every path that they were opened by. */
  readonly places: ReadonlySet<string>;
  /** Every folder name on the way to a database, in lower case. */
  readonly folders: ReadonlySet<string>;
}

interface ProtectedPath {
  /** Null if it has to be looked up: for sidecars. */
  readonly identity: FileIdentity | null;
  /** SQLite has locks on it: on the database and its `-shm`. */
  readonly locked: boolean;
  /** Its database, if another thread reports it as open. */
  readonly elsewhere: string | null;
}

const sidecars = ['', '-wal', '-shm', '-journal'];

/** It has none on a `-wal` and a `-journal`. */
const lockedSuffixes = ['', '-shm'];

let current: ProtectedFiles = collect();

/**
 * Paths known not to be another name of a database: a second stat of each would double the cost of reading a small
 * file. A path that becomes a link later is checked again when a database is opened or closed.
 */
const plainPaths = new Set<string>();

/** Absolute paths known to be outside the folders of the databases, of calls that do not wait. */
const pathsElsewhere = new Set<string>();

/** Maximum size of each of the two sets. */
const mostPlainPaths = 10_000;

export interface ProtectedFile {
  /** Canonical path. */
  readonly file: string;
  /** Null for a sidecar. */
  readonly identity: FileIdentity | null;
  readonly locked: boolean;
}

/** True for a path that is known not to lead to a database, as far as a call that waits, or does not, is judged. */
export function isPlain(path: string, waits = true): boolean {
  now();
  return plainPaths.has(path) || (!waits && pathsElsewhere.has(path));
}

/** True if no connection is open, or no open database has this basename. */
export function isUnrelated(path: string): boolean {
  const files = now();
  const start = lastSeparator(path) + 1;
  return !files.lengths.has(path.length - start) || !files.names.has(path.slice(start).toLowerCase());
}

/** Names of descriptors: `/proc/self/fd/20`, `/dev/fd/20`. A stat of one never waits. */
const descriptorName = /^\/(?:proc|dev)\//;

/**
 * True if the path may lead to a database under another basename: by a symbolic link, or a hard link.
 *
 * An asynchronous call must not be made to wait for a network filesystem whose server is dead; its path is checked only
 * in the folders of the databases, which were found to be safe when they were opened.
 */
export function isOtherName(path: string, waits: boolean): boolean {
  const files = now();
  if (!waits && isElsewhere(path, files)) return false;
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return false;
    if (stats.isSymbolicLink()) return true;
    if (stats.nlink > 1 && files.inodes.has(stats.ino)) return true;
    remember(plainPaths, path);
    return false;
  } catch {
    // The call itself will report the error.
    return false;
  }
}

/** True outside the folders of the databases; false where that cannot be known, because the working directory was deleted. */
function isElsewhere(path: string, { places }: ProtectedFiles): boolean {
  if (descriptorName.test(path)) return false;
  const absolute = absolutePath(path);
  if (absolute === null || places.has(dirname(absolute))) return false;
  if (isAbsolute(path)) remember(pathsElsewhere, path);
  return true;
}

function remember(paths: Set<string>, path: string): void {
  if (paths.size >= mostPlainPaths) paths.clear();
  paths.add(path);
}

/** Null for a relative path in a working directory that was deleted. */
function absolutePath(path: string): string | null {
  try {
    return resolve(path);
  } catch {
    return null;
  }
}

/** Returns the protected file of the path, by its canonical path; null if it is another file. */
export function protectedFile(path: string, nameOnly: boolean): ProtectedFile | null {
  const files = now();
  const canonical = canonicalPath(path, nameOnly);
  const known = canonical === null ? undefined : files.paths.get(canonical);
  if (canonical !== null && known !== undefined) return isGone(canonical, known) ? null : inUse(canonical, known);
  const stats = look(path, nameOnly ? lstatSync : statSync);
  if (stats === undefined) return null;
  // Deleting or renaming another name of the file leaves the database where it is.
  if (nameOnly && stats.nlink > 1n) return null;
  for (const [file, candidate] of files.paths) {
    const identity = candidate.identity ?? look(file, statSync);
    if (identity !== undefined && sameFile(identity, stats)) return inUse(file, candidate);
  }
  return null;
}

/** Undefined where nothing can be seen, for example because of its rights, or below a mock of `fs`: the call will say why. */
function look(path: string, stat: typeof statSync): BigIntStats | undefined {
  try {
    return stat(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** True when the database was deleted or renamed: its old name is free for other files. */
function isGone(file: string, { identity }: ProtectedPath): boolean {
  if (identity === null) return false;
  const stats = look(file, statSync);
  return stats === undefined || !sameFile(identity, stats);
}

function inUse(file: string, { elsewhere, identity, locked }: ProtectedPath): ProtectedFile | null {
  return elsewhere === null || isStillOpen(elsewhere) ? { file, identity, locked } : null;
}

/** True if a protected file may be in the folder of the path: false for nearly every folder. */
export function isAround(path: string): boolean {
  const absolute = absolutePath(path);
  return absolute === null || now().folders.has(basename(absolute).toLowerCase());
}

/** All protected files inside a folder; `part` is the path below it. */
export function protectedBelow(
  path: string,
): readonly { readonly identity: FileIdentity | null; readonly part: string; readonly locked: boolean }[] {
  const folder = canonicalPath(absolutePath(path) ?? path, false);
  if (folder === null) return [];
  const prefix = folder.endsWith(sep) ? folder : folder + sep;
  const below: { identity: FileIdentity | null; part: string; locked: boolean }[] = [];
  for (const [file, candidate] of now().paths) {
    if (!file.startsWith(prefix) || inUse(file, candidate) === null) continue;
    below.push({ identity: candidate.identity, part: file.slice(prefix.length), locked: candidate.locked });
  }
  return below;
}

function now(): ProtectedFiles {
  if (current.generation !== registryGeneration()) {
    current = collect();
    plainPaths.clear();
    pathsElsewhere.clear();
  }
  return current;
}

function collect(): ProtectedFiles {
  const generation = registryGeneration();
  const paths = new Map<string, ProtectedPath>();
  const names = new Set<string>();
  const folders = new Set<string>();
  const inodes = new Set<number>();
  const places = new Set<string>();
  for (const { file, identity, aliases, elsewhere } of registeredFiles()) {
    for (const suffix of sidecars) {
      paths.set(file + suffix, {
        identity: suffix === '' ? identity : null,
        locked: lockedSuffixes.includes(suffix),
        elsewhere: elsewhere && !paths.has(file + suffix) ? file : null,
      });
      for (const known of [file, ...aliases]) names.add(basename(known + suffix).toLowerCase());
    }
    if (identity !== null) inodes.add(Number(identity.ino));
    for (const known of [file, ...aliases]) {
      places.add(dirname(resolve(known)));
      for (const part of dirname(resolve(known)).split(sep)) folders.add(part.toLowerCase());
    }
  }
  const lengths = new Set([...names].map(name => name.length));
  return { generation, paths, names, lengths, inodes, places, folders };
}

/** Null if the folder does not exist or may not be searched: the call itself will report that. */
function canonicalPath(path: string, nameOnly: boolean): string | null {
  try {
    if (!nameOnly) return realpathSync.native(path);
  } catch {
    // A missing file: a sidecar that the call would create.
  }
  try {
    return join(realpathSync.native(dirname(path)), basename(path));
  } catch {
    return null;
  }
}

function lastSeparator(path: string): number {
  return sep === '\\' ? Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) : path.lastIndexOf('/');
}
