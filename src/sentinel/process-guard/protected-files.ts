/** Which paths lead to a database that this process has open, or to one of its sidecars. */
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { sameFile, type FileIdentity } from '../../base/file-identity';
import { registeredFiles, registryGeneration } from '../../registry/registry';

interface ProtectedFiles {
  readonly generation: number;
  /** Canonical paths of the databases and of their sidecars, with the identity of a database where it is known. */
  readonly paths: ReadonlyMap<string, FileIdentity | null>;
  /** Last parts of those paths in lower case, and of the paths that the databases were opened by. */
  readonly names: ReadonlySet<string>;
  /** Lengths of `names`: most unrelated paths are told apart by this alone. */
  readonly lengths: ReadonlySet<number>;
  /** Every folder name on the way to a database, in lower case. */
  readonly folders: ReadonlySet<string>;
}

const sidecars = ['', '-wal', '-shm', '-journal'];

let current: ProtectedFiles = collect();

/** True when no connection of this thread is open, or the last part of the path is none that a database goes by. */
export function isUnrelated(path: string): boolean {
  const files = now();
  const start = lastSeparator(path) + 1;
  return !files.lengths.has(path.length - start) || !files.names.has(path.slice(start).toLowerCase());
}

/** The protected file that the path means, by its canonical path; null when it means another. */
export function protectedFile(path: string, nameOnly: boolean): string | null {
  const files = now();
  const canonical = canonicalPath(path, nameOnly);
  if (canonical !== null && files.paths.has(canonical)) return canonical;
  const stats = (nameOnly ? lstatSync : statSync)(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return null;
  // The deletion or renaming of another name of the file leaves the database where it is.
  if (nameOnly && stats.nlink > 1n) return null;
  for (const [file, identity] of files.paths) {
    const known = identity ?? statSync(file, { bigint: true, throwIfNoEntry: false });
    if (known !== undefined && sameFile(known, stats)) return file;
  }
  return null;
}

/** The protected database inside the folder that the path names; null when there is none. */
export function protectedInside(path: string): string | null {
  const files = now();
  const name = basename(resolve(path)).toLowerCase();
  if (!files.folders.has(name)) return null;
  const folder = canonicalPath(resolve(path), true);
  if (folder === null) return null;
  const prefix = folder.endsWith(sep) ? folder : folder + sep;
  for (const file of files.paths.keys()) if (file.startsWith(prefix)) return file;
  return null;
}

/** All protected files inside a folder, as paths relative to it. */
export function protectedBelow(path: string): readonly string[] {
  const folder = canonicalPath(resolve(path), false);
  if (folder === null) return [];
  const prefix = folder.endsWith(sep) ? folder : folder + sep;
  return [...now().paths.keys()].filter(file => file.startsWith(prefix)).map(file => file.slice(prefix.length));
}

function now(): ProtectedFiles {
  if (current.generation !== registryGeneration()) current = collect();
  return current;
}

function collect(): ProtectedFiles {
  const { generation, files } = registeredFiles();
  const paths = new Map<string, FileIdentity | null>();
  const names = new Set<string>();
  const folders = new Set<string>();
  for (const { file, identity, aliases } of files) {
    for (const suffix of sidecars) {
      paths.set(file + suffix, suffix === '' ? identity : null);
      for (const known of [file, ...aliases]) names.add(basename(known + suffix).toLowerCase());
    }
    for (const known of [file, ...aliases]) {
      for (const part of dirname(resolve(known)).split(sep)) folders.add(part.toLowerCase());
    }
  }
  const lengths = new Set([...names].map(name => name.length));
  return { generation, paths, names, lengths, folders };
}

/** Null when the folder does not exist or may not be searched: then the call itself will say so. */
function canonicalPath(path: string, nameOnly: boolean): string | null {
  try {
    if (!nameOnly) return realpathSync.native(path);
  } catch {
    // A file that is not there yet: a sidecar that the call would create.
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
