/** Finds the descriptors of this process, in all its threads, that are open on given files. */
import fs, { fstatSync, readdirSync, readlinkSync } from 'node:fs';
import { procFolder } from '../base/proc-folder';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { unsupported, type Probed, type Unsupported } from './support';

// Taken at load: the process guard asks lstat about each path that is opened later, and none of these is a database.
const { closeSync, openSync, readSync } = fs;

export interface OpenFile {
  readonly fd: number;
  readonly identity: FileIdentity;
}

export type OpenFileScan = Probed<{ descriptors: readonly OpenFile[] }>;

export interface Descriptor extends OpenFile {
  /** The kernel's path of the open file, without its `(deleted)` mark. */
  readonly path: string;
  /** True if the name that the file was opened by no longer exists. */
  readonly deleted: boolean;
  /** Number of names of the file; 0 once the last one is deleted. */
  readonly links: number;
}

export type DescriptorScan = Probed<{ descriptors: readonly Descriptor[] }>;

/** Splits the target of a link in `/proc/self/fd`; null for sockets, pipes and everything else that is not a file. */
export function parseTarget(target: string): { path: string; deleted: boolean } | null {
  if (!target.startsWith('/')) return null;
  // The kernel appends the mark to the name (fs/d_path.c); `links` distinguishes a file that really has such a name.
  const mark = ' (deleted)';
  const deleted = target.endsWith(mark);
  return { path: deleted ? target.slice(0, -mark.length) : target, deleted };
}

/**
 * Returns the descriptors on exactly these files, whatever names they were opened by.
 *
 * Opens none of the files: it calls `fstat` on each descriptor in `/proc/self/fd` and reads the links of those that
 * match. 0.1 ms for a few dozen descriptors.
 */
export function descriptorsOn(...files: readonly FileIdentity[]): DescriptorScan {
  const isWanted = (identity: FileIdentity): boolean => files.some(file => sameFile(file, identity));
  const inodes = new Set(files.map(({ ino }) => Number(ino)));
  const candidates = candidatesFor(inodes);
  if ('reason' in candidates) return candidates;
  const descriptors = candidates.flatMap(fd => {
    const found = inspectDescriptor(fd);
    // Another thread may have closed it between the two calls.
    return found !== null && isWanted(found.identity) ? [found] : [];
  });
  return { supported: true, descriptors };
}

/**
 * The descriptors on files with one of these inode numbers, and perhaps on others. Only a list has each of them while
 * other threads open and close files (docs/decisions/0012).
 */
function candidatesFor(inodes: ReadonlySet<number>): readonly number[] | Unsupported {
  const numbers = listDescriptors();
  return 'reason' in numbers ? numbers : numbers.filter(fd => inodes.has(inodeOf(fd) ?? Number.NaN));
}

/** Numbers below the lowest free one that are tried before all descriptors are listed. */
const newestTried = 12;

/**
 * For files that were just opened: returns at least one descriptor of this process on each. The kernel assigns the
 * lowest free number, so they are nearly always right below the next one; otherwise all descriptors are scanned.
 */
export function newestDescriptorsOn(...files: readonly FileIdentity[]): OpenFileScan {
  const found = newestOn(files);
  return found.length === files.length ? { supported: true, descriptors: found } : descriptorsOn(...files);
}

/** One descriptor for each of the files that has one among the newest. */
export function newestOn(files: readonly FileIdentity[]): readonly OpenFile[] {
  const free = lowestFree() ?? 0;
  const found: OpenFile[] = [];
  const missing = new Set(files);
  for (let fd = free - 1; fd >= 0 && fd >= free - newestTried && missing.size > 0; fd--) {
    const identity = identityOf(fd);
    const wanted = identity === null ? undefined : [...missing].find(file => sameFile(file, identity));
    if (wanted === undefined) continue;
    missing.delete(wanted);
    found.push({ fd, identity: wanted });
  }
  return found;
}

/** Returns null if `/proc` does not list descriptors or none is free. */
function lowestFree(): number | null {
  try {
    const fd = openSync(`${procFolder}/self/fd`, 'r');
    closeSync(fd);
    return fd;
  } catch {
    return null;
  }
}

/**
 * Returns the descriptors that were opened by exactly this path, even if the name no longer exists. Slower than
 * `descriptorsOn`.
 */
export function descriptorsBy(path: string): DescriptorScan {
  return scan(fd => {
    const found = inspectDescriptor(fd);
    return found !== null && found.path === path ? found : null;
  });
}

function scan(look: (fd: number) => Descriptor | null): DescriptorScan {
  const numbers = listDescriptors();
  if ('reason' in numbers) return numbers;
  return { supported: true, descriptors: numbers.flatMap(fd => look(fd) ?? []) };
}

function listDescriptors(): readonly number[] | Unsupported {
  try {
    return readdirSync(`${procFolder}/self/fd`).map(Number);
  } catch (cause) {
    return unsupported('/proc/self/fd', cause);
  }
}

/** Cheaper than the identity, for thousands of descriptors: two inode numbers may be one number as doubles, never the reverse. */
function inodeOf(fd: number): number | null {
  try {
    return fstatSync(fd).ino;
  } catch {
    return null; // Not open; the descriptor of the listing itself never is.
  }
}

function identityOf(fd: number): FileIdentity | null {
  try {
    return fstatSync(fd, { bigint: true });
  } catch {
    return null; // Closed since the number was found.
  }
}

/** Parses the flags of open(2) from the `flags:` line of a descriptor's fdinfo (octal). */
export function parseFlags(fdinfo: string): number | null {
  const flags = /^flags:\s*([0-7]+)$/m.exec(fdinfo)?.[1];
  return flags === undefined ? null : Number.parseInt(flags, 8);
}

/** Bytes: the flags are in the second line of a fdinfo. */
const flagsBytes = 128;
const flagsBuffer = Buffer.allocUnsafe(flagsBytes);

/** Reads the flags of a descriptor; null if it is closed or `/proc` does not show them. */
export function readFlags(fd: number): number | null {
  let fdinfo: number | undefined;
  try {
    fdinfo = openSync(`${procFolder}/self/fdinfo/${fd}`, 'r');
    return parseFlags(flagsBuffer.toString('latin1', 0, readSync(fdinfo, flagsBuffer, 0, flagsBytes, 0)));
  } catch {
    return null;
  } finally {
    if (fdinfo !== undefined) closeSync(fdinfo);
  }
}

/** O_ACCMODE of open(2), and O_RDONLY: the same numbers on every Linux, also those that an emulation shows. */
const accessMode = 0o3;
const readOnly = 0o0;

/**
 * True if this process has the file open, and each of its descriptors is for reading only. False also if `/proc` does not tell.
 * `newest`: descriptors that were found just now, of which `flagsOf` reads the flags.
 */
export function isOpenForReadingOnly(
  file: FileIdentity,
  newest: readonly OpenFile[],
  flagsOf: (fd: number) => number | null,
): boolean {
  const isForReading = (flags: number | null): boolean => flags !== null && (flags & accessMode) === readOnly;
  const known = newest.filter(({ identity }) => sameFile(identity, file));
  // Nearly always the newest can write, and the others need not be looked for.
  if (!known.every(({ fd }) => isForReading(flagsOf(fd)))) return false;
  const found = descriptorsOn(file);
  return (
    found.supported && found.descriptors.length > 0 && found.descriptors.every(({ fd }) => isForReading(readFlags(fd)))
  );
}

/** Returns the file that a descriptor is open on; null if it is closed or not on a file. */
export function inspectDescriptor(fd: number): Descriptor | null {
  try {
    const target = parseTarget(readlinkSync(`${procFolder}/self/fd/${fd}`));
    if (target === null || isKernelFile(target.path)) return null;
    const { dev, ino, nlink } = fstatSync(fd, { bigint: true });
    const links = Number(nlink);
    return { fd, path: target.path, deleted: target.deleted && links === 0, identity: { dev, ino }, links };
  } catch {
    // Another thread closed it after the listing.
    return null;
  }
}

function isKernelFile(path: string): boolean {
  return path.startsWith('/proc/') || path.startsWith('/sys/') || path === '/dev/null' || path.startsWith('/dev/pts/');
}
