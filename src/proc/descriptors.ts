/** Which descriptors of this process, of all its threads, are open on given files. */
import { fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { FileIdentity } from '../base/file-identity';
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
 * Scans `/proc/self/fd` and gives the descriptors that `wanted` accepts.
 *
 * It opens none of the files: it reads the links and asks `fstat` of each descriptor. 0.3 ms for some dozen descriptors.
 */
export function findDescriptors(wanted: (identity: FileIdentity, path: string) => boolean): DescriptorScan {
  let numbers: string[];
  try {
    numbers = readdirSync('/proc/self/fd');
  } catch (cause) {
    return unsupported('/proc/self/fd', cause);
  }
  const descriptors: Descriptor[] = [];
  for (const number of numbers) {
    const descriptor = inspectDescriptor(Number(number));
    if (descriptor !== null && wanted(descriptor.identity, descriptor.path)) descriptors.push(descriptor);
  }
  return { supported: true, descriptors };
}

/** The descriptors on exactly this file, whatever name it was opened by. */
export function descriptorsOn(file: FileIdentity): DescriptorScan {
  return findDescriptors(identity => identity.dev === file.dev && identity.ino === file.ino);
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
