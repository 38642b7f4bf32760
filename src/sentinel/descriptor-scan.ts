/** Scans all descriptors of the process for threats to a database, before they do harm. */
import type { FileIdentity } from '../base/file-identity';
import { databaseDescriptors, type OpenedDescriptor } from '../proc/foreign-descriptors';
import { otherCopies } from '../proc/loaded-copies';
import type { Loss } from './finding';

/**
 * Judges the descriptors on a database that this connection has open in WAL mode, and on its `-shm`.
 *
 * A copy of SQLite opens the `-shm` of a file once, however many connections it has (os_unix.c, unixShmNode), and keeps
 * it while one of them lives. A second descriptor on it therefore belongs to a second copy.
 */
export function judgeScan(
  file: string,
  descriptors: readonly OpenedDescriptor[],
  copies: () => readonly string[],
): Loss | null {
  const indexes = descriptors.filter(({ path, opener }) => opener === 'sqlite' && path === `${file}-shm`);
  if (indexes.length > 1) return secondCopy(file, indexes, copies());
  const plain = descriptors.filter(({ opener }) => opener === 'plain');
  return plain.length > 0 ? foreignDescriptor(file, plain) : null;
}

export function scanDescriptors(file: string, identity: FileIdentity, addon: FileIdentity | null): Loss | null {
  return judgeScan(file, databaseDescriptors({ file, identity }), () => otherCopies(addon));
}

function secondCopy(file: string, indexes: readonly OpenedDescriptor[], copies: readonly string[]): Loss {
  return {
    kind: 'secondCopy',
    fatal: true,
    filesLost: false,
    message: `Another copy of SQLite in this process has ${file} open: neither sees the locks of the other.`,
    culprits: copies.length > 0 ? copies : ['node:sqlite, or another SQLite that a worker thread has loaded'],
    details: { file, descriptors: indexes.map(({ fd }) => fd) },
  };
}

function foreignDescriptor(file: string, plain: readonly OpenedDescriptor[]): Loss {
  const names = plain.map(({ fd, path }) => `${fd} (${path})`).join(', ');
  return {
    kind: 'foreignDescriptor',
    fatal: false,
    filesLost: false,
    message: `A plain file descriptor is open on ${file}: when it closes, the locks of SQLite are gone. Descriptor ${names}.`,
    culprits: ['fs.open, a stream or a native addon in this process'],
    details: { file, descriptors: plain.map(({ fd }) => fd) },
  };
}
