/**
 * Finds the copies of SQLite loaded into this process: shared libraries and addons in its memory map, and Node's own.
 */
import { readFileSync } from 'node:fs';
import { procFolder } from '../base/proc-folder';
import type { FileIdentity } from '../base/file-identity';
import { unsupported, type Probed } from './support';

export interface MappedFile {
  readonly path: string;
  readonly inode: bigint;
}

/**
 * Returns the files that the text of `/proc/self/maps` (proc_pid_maps(5)) lists as mapped code, each once.
 *
 * Only code: the `-shm` of a live database is mapped too, and must never be opened.
 */
export function parseMaps(maps: string): readonly MappedFile[] {
  const files = new Map<string, MappedFile>();
  for (const line of maps.split('\n')) {
    const [, inode, path] = /^\S+ ..x. \S+ \S+ (\d+)\s+(\/.*)$/.exec(line) ?? [];
    if (inode !== undefined && path !== undefined) files.set(path, { path, inode: BigInt(inode) });
  }
  return [...files.values()];
}

/** True for files that may contain a SQLite: every addon, and shared libraries with sqlite in their name. */
export function mayCarrySqlite(path: string): boolean {
  return path.endsWith('.node') || /(sqlite|sqlcipher|libsql)[^/]*\.so(\.\d+)*$/i.test(path);
}

// The first 16 bytes of every database file, a constant in every SQLite (sqlite.org/fileformat2.html 1.3.1).
const signature = 'SQLite format 3\0';

/** Returns the addons and libraries mapped into this process by any thread that may contain a SQLite. */
export function loadedLibraries(): Probed<{ libraries: readonly MappedFile[] }> {
  let maps: string;
  try {
    maps = readFileSync(`${procFolder}/self/maps`, 'latin1');
  } catch (cause) {
    return unsupported('/proc/self/maps', cause);
  }
  return { supported: true, libraries: parseMaps(maps).filter(file => mayCarrySqlite(file.path)) };
}

/** Returns those of another process that contain a SQLite; empty if its memory map cannot be read. */
export function librariesOf(pid: number): readonly string[] {
  try {
    const files = parseMaps(readFileSync(`${procFolder}/${pid}/maps`, 'latin1'));
    return files.filter(file => mayCarrySqlite(file.path) && carriesSqlite(file)).map(({ path }) => path);
  } catch {
    return [];
  }
}

/** Returns the loaded copies of SQLite except the one whose addon is `own`. */
export function otherCopies(own: FileIdentity | null): readonly string[] {
  const loaded = loadedLibraries();
  const libraries = loaded.supported ? loaded.libraries : [];
  // Compares the inode only: the device in the memory map is the filesystem's, which on btrfs and overlayfs differs
  // from stat's.
  const others = libraries
    .filter(library => library.inode !== own?.ino && carriesSqlite(library))
    .map(({ path }) => path);
  return nodeSqliteLoaded() ? [...others, 'node:sqlite'] : others;
}

/** Tells whether this thread has loaded `node:sqlite`; other threads are not visible from here. */
export function nodeSqliteLoaded(): boolean {
  const loaded: unknown = Reflect.get(process, 'moduleLoadList');
  return Array.isArray(loaded) && loaded.includes('NativeModule sqlite');
}

/** Cached: the content of a mapped file does not change while it is mapped. */
const known = new Map<string, boolean>();

function carriesSqlite({ path, inode }: MappedFile): boolean {
  const key = `${inode} ${path}`;
  let carries = known.get(key);
  if (carries === undefined) known.set(key, (carries = hasSignature(path)));
  return carries;
}

function hasSignature(path: string): boolean {
  try {
    return readFileSync(path).includes(signature);
  } catch {
    // Deleted after loading, like the temporary copies that bundlers unpack: it may contain one.
    return true;
  }
}
