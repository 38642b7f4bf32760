/** Tells the descriptors on a database that a SQLite opened from those that something else opened. */
import { constants } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { descriptorsOn, inspectDescriptor, readFlags, type Descriptor } from './descriptors';
import { identityNow } from './path-identity';

/** `'harmless'`: it can neither read nor lock, or `/proc` does not say how it was opened. */
export type Opener = 'sqlite' | 'plain' | 'harmless';

export interface OpenedDescriptor {
  readonly fd: number;
  readonly path: string;
  readonly opener: Opener;
}

// open(2): a descriptor that can neither read nor lock; its close harms nothing. The same number on x86, arm and riscv.
const oPath = 0o10000000;

/**
 * Who opened a file with these flags of open(2).
 *
 * Every SQLite since 3.31 opens its files with O_NOFOLLOW (os_unix.c, unixOpen), which `fs` does not. A plain
 * descriptor's close cancels all locks that this process has on the file (fcntl_locking(2)).
 */
export function openerOf(flags: number | null): Opener {
  if (flags === null || (flags & oPath) !== 0) return 'harmless';
  return (flags & constants.O_NOFOLLOW) === 0 ? 'plain' : 'sqlite';
}

/** The descriptors of this process on a database and on the `-shm` that stands beside it; none where `/proc` cannot tell. */
export function databaseDescriptors(file: string, identity: FileIdentity): readonly OpenedDescriptor[] {
  const sharedMemory = identityNow(`${file}-shm`);
  const found = descriptorsOn(identity, ...(sharedMemory === null ? [] : [sharedMemory]));
  if (!found.supported) return [];
  // What was deleted since belongs to an older database that somebody still has open.
  const present = found.descriptors.filter(({ deleted }) => !deleted);
  return present.map(descriptor => ({
    fd: descriptor.fd,
    path: descriptor.path,
    opener: openerNow(descriptor),
  }));
}

/** Another thread may close the descriptor, and its number may go to another file, while its flags are read. */
function openerNow({ fd, identity }: Descriptor): Opener {
  const opener = openerOf(readFlags(fd));
  const now = inspectDescriptor(fd);
  return now !== null && sameFile(now.identity, identity) ? opener : 'harmless';
}
