/** Distinguishes descriptors that a SQLite opened on a database from all others. */
import { closeSync, constants, openSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { descriptorsOn, inspectDescriptor, readFlags, type Descriptor } from './descriptors';
import { identityNow } from './path-identity';

/** `'harmless'`: it can neither read nor lock, or `/proc` does not show how it was opened. */
export type Opener = 'sqlite' | 'plain' | 'harmless';

export interface OpenedDescriptor {
  readonly fd: number;
  readonly path: string;
  readonly opener: Opener;
}

// open(2): a descriptor that can neither read nor lock; closing it is harmless. The same number on x86, arm and riscv.
const oPath = 0o10000000;

/**
 * Classifies the opener of a file by its flags of open(2).
 *
 * Every SQLite since 3.31 opens its files with O_NOFOLLOW (os_unix.c, unixOpen), which `fs` does not. Closing a plain
 * descriptor cancels all locks of this process on the file (fcntl_locking(2)).
 */
export function openerOf(flags: number | null): Opener {
  if (flags === null || (flags & oPath) !== 0) return 'harmless';
  noFollow ??= shownNoFollow();
  return (flags & noFollow) === 0 ? 'plain' : 'sqlite';
}

let noFollow: number | undefined;

/**
 * The bit by which fdinfo shows O_NOFOLLOW. Under qemu-user it is the one of the host, and the constant that of the emulated
 * architecture: 0400000 on x64, 0100000 on arm64. So one folder is opened with it and without it.
 */
function shownNoFollow(): number {
  const shown = [constants.O_NOFOLLOW, 0].map(extra => {
    let fd: number | undefined;
    try {
      fd = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY | extra);
      return readFlags(fd);
    } catch {
      return null;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  });
  return flagBetween(shown[0] ?? null, shown[1] ?? null) ?? constants.O_NOFOLLOW;
}

/** The one bit in which two values differ; `null` where there is not exactly one. Pure. */
export function flagBetween(flags: number | null, without: number | null): number | null {
  if (flags === null || without === null) return null;
  const bit = flags & ~without;
  return bit !== 0 && (bit & (bit - 1)) === 0 ? bit : null;
}

export interface SoughtDatabase {
  readonly file: string;
  readonly identity: FileIdentity;
  /** The `-shm`; null if it does not exist. Looked up if undefined. */
  readonly index?: FileIdentity | null;
}

/** Returns this process's descriptors on a database and its `-shm`; none if `/proc` cannot tell. */
export function databaseDescriptors({ file, identity, index }: SoughtDatabase): readonly OpenedDescriptor[] {
  const sharedMemory = index === undefined ? identityNow(`${file}-shm`) : index;
  const found = descriptorsOn(identity, ...(sharedMemory === null ? [] : [sharedMemory]));
  if (!found.supported) return [];
  // A deleted file belongs to an older database that is still open elsewhere.
  const present = found.descriptors.filter(({ deleted }) => !deleted);
  return present.map(descriptor => ({
    fd: descriptor.fd,
    path: descriptor.path,
    opener: openerNow(descriptor),
  }));
}

/** While its flags are read, another thread may close the descriptor and its number may be reused. */
function openerNow({ fd, identity }: Descriptor): Opener {
  const opener = openerOf(readFlags(fd));
  const now = inspectDescriptor(fd);
  return now !== null && sameFile(now.identity, identity) ? opener : 'harmless';
}
