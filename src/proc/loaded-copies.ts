/** Which copies of SQLite this process has loaded: shared libraries and addons in its memory map, and Node's own. */
import { readFileSync } from 'node:fs';
import type { FileIdentity } from '../base/file-identity';
import { unsupported, type Probed } from './support';

export interface MappedFile {
  readonly path: string;
  readonly inode: bigint;
}

/**
 * The files in the text of `/proc/self/maps` (proc_pid_maps(5)) that are mapped as code, each once.
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

/** True for files that may carry a SQLite: every addon, and shared libraries that say so in their name. */
export function mayCarrySqlite(path: string): boolean {
  return path.endsWith('.node') || /(sqlite|sqlcipher|libsql)[^/]*\.so(\.\d+)*$/i.test(path);
}

// The 16 bytes at the start of every database file: each SQLite has them as a constant (sqlite.org/fileformat2.html 1.3.1).
const signature = 'SQLite format 3\0';

/** The addons and libraries that are mapped into this process, whichever thread loaded them, and may carry a SQLite. */
export function loadedLibraries(): Probed<{ libraries: readonly MappedFile[] }> {
  let maps: string;
  try {
    maps = readFileSync('/proc/self/maps', 'latin1');
  } catch (cause) {
    return unsupported('/proc/self/maps', cause);
  }
  return { supported: true, libraries: parseMaps(maps).filter(file => mayCarrySqlite(file.path)) };
}

/** The same for another process: those that carry a SQLite; empty where its memory map cannot be read. */
export function librariesOf(pid: number): readonly string[] {
  try {
    const files = parseMaps(readFileSync(`/proc/${pid}/maps`, 'latin1'));
    return files.filter(file => mayCarrySqlite(file.path) && carriesSqlite(file)).map(({ path }) => path);
  } catch {
    return [];
  }
}

/** The loaded copies of SQLite other than the one whose addon is `own`. */
export function otherCopies(own: FileIdentity | null): readonly string[] {
  const loaded = loadedLibraries();
  const libraries = loaded.supported ? loaded.libraries : [];
  // The inode alone: the device in the memory map is the filesystem's, which on btrfs and overlayfs differs from stat's.
  const others = libraries
    .filter(library => library.inode !== own?.ino && carriesSqlite(library))
    .map(({ path }) => path);
  return nodeSqliteLoaded() ? [...others, 'node:sqlite'] : others;
}

/** Whether this thread has loaded `node:sqlite`; it cannot be seen from here what other threads have loaded. */
export function nodeSqliteLoaded(): boolean {
  const loaded: unknown = Reflect.get(process, 'moduleLoadList');
  return Array.isArray(loaded) && loaded.includes('NativeModule sqlite');
}

/** What a mapped file carries does not change while it is mapped. */
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
    // Deleted since it was loaded, as the temporary copies that bundlers unpack are: it may carry one.
    return true;
  }
}
