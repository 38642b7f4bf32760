/** Which descriptors of this process, of all its threads, are open on given files. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { unsupported, type Probed } from './support';

export interface Descriptor {
  readonly fd: number;
  /** The path that the kernel knows the open file by, without its `(deleted)`. */
  readonly path: string;
  /** True when the name that the file was opened by is gone. */
  readonly deleted: boolean;
  readonly identity: FileIdentity;
  /** The file has this many names; 0 once the last one is deleted. */
  readonly links: number;
}

export type DescriptorScan = Probed<{ descriptors: readonly Descriptor[] }>;

/** Splits the text of a link in `/proc/self/fd`; null for sockets, pipes and other things that are no files. */
export function parseTarget(target: string): { path: string; deleted: boolean } | null {
  if (!target.startsWith('/')) return null;
  // The kernel appends the mark to the name (fs/d_path.c); a file that is really called so is told apart by `links`.
  const mark = ' (deleted)';
  const deleted = target.endsWith(mark);
  return { path: deleted ? target.slice(0, -mark.length) : target, deleted };
}

/**
 * The descriptors on exactly these files, whatever names they were opened by.
 *
 * It opens none of the files: it asks `fstat` of each descriptor in `/proc/self/fd`, and reads the link of those that are
 * found. 0.1 ms for some dozen descriptors.
 */
export function descriptorsOn(...files: readonly FileIdentity[]): DescriptorScan {
  const isWanted = (identity: FileIdentity): boolean => files.some(file => sameFile(file, identity));
  return scan(fd => {
    const identity = identityOf(fd);
    if (identity === null || !isWanted(identity)) return null;
    const found = inspectDescriptor(fd);
    // Another thread may have closed it between the two questions.
    return found !== null && isWanted(found.identity) ? found : null;
  });
}

/** Numbers below the lowest free one that are tried before all are listed. */
const newestTried = 12;

/**
 * For files that were opened just now: at least one descriptor on each that this process has open. The kernel gives the
 * lowest free number, so they nearly always stand right below the next one; else all descriptors are looked at.
 */
export function newestDescriptorsOn(...files: readonly FileIdentity[]): DescriptorScan {
  const free = lowestFree();
  const found: Descriptor[] = [];
  const missing = new Set(files);
  for (let fd = (free ?? 0) - 1; fd >= 0 && fd >= (free ?? 0) - newestTried && missing.size > 0; fd--) {
    const identity = identityOf(fd);
    const wanted = identity === null ? undefined : [...missing].find(file => sameFile(file, identity));
    const descriptor = wanted === undefined ? null : inspectDescriptor(fd);
    if (wanted === undefined || descriptor === null || !sameFile(descriptor.identity, wanted)) continue;
    missing.delete(wanted);
    found.push(descriptor);
  }
  return missing.size === 0 ? { supported: true, descriptors: found } : descriptorsOn(...files);
}

/** Null where `/proc` does not show descriptors, and where none is free. */
function lowestFree(): number | null {
  try {
    const fd = openSync('/proc/self/fd', 'r');
    closeSync(fd);
    return fd;
  } catch {
    return null;
  }
}

/** The descriptors that were opened by exactly this path, also where the name is gone. Slower than `descriptorsOn`. */
export function descriptorsBy(path: string): DescriptorScan {
  return scan(fd => {
    const found = inspectDescriptor(fd);
    return found !== null && found.path === path ? found : null;
  });
}

function scan(look: (fd: number) => Descriptor | null): DescriptorScan {
  let numbers: string[];
  try {
    numbers = readdirSync('/proc/self/fd');
  } catch (cause) {
    return unsupported('/proc/self/fd', cause);
  }
  return { supported: true, descriptors: numbers.flatMap(number => look(Number(number)) ?? []) };
}

function identityOf(fd: number): FileIdentity | null {
  try {
    return fstatSync(fd, { bigint: true });
  } catch {
    return null; // Closed since the listing: the one of the listing itself always is.
  }
}

/** How a descriptor was opened: the flags of open(2), from the `flags:` line of its fdinfo (octal). */
export function parseFlags(fdinfo: string): number | null {
  const flags = /^flags:\s*([0-7]+)$/m.exec(fdinfo)?.[1];
  return flags === undefined ? null : Number.parseInt(flags, 8);
}

/** Reads the flags of a descriptor; null when it is closed already or `/proc` does not say. */
export function readFlags(fd: number): number | null {
  try {
    return parseFlags(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  } catch {
    return null;
  }
}

/** What a descriptor is open on; null when it is closed, or no file. */
export function inspectDescriptor(fd: number): Descriptor | null {
  try {
    const target = parseTarget(readlinkSync(`/proc/self/fd/${fd}`));
    if (target === null || isKernelFile(target.path)) return null;
    const { dev, ino, nlink } = fstatSync(fd, { bigint: true });
    const links = Number(nlink);
    return { fd, path: target.path, deleted: target.deleted && links === 0, identity: { dev, ino }, links };
  } catch {
    // Closed by another thread between the listing and here.
    return null;
  }
}

function isKernelFile(path: string): boolean {
  return path.startsWith('/proc/') || path.startsWith('/sys/') || path === '/dev/null' || path.startsWith('/dev/pts/');
}
