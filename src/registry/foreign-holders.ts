/** Whether somebody else in this process already has a database open: another copy of SQLite, or a plain descriptor. */
import { constants } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { findDescriptors, readFlags, type Descriptor } from '../proc/descriptors';
import { otherCopies } from '../proc/loaded-copies';

export interface OpenedDescriptor {
  readonly fd: number;
  readonly path: string;
  /** Flags of open(2); null when `/proc` does not say. */
  readonly flags: number | null;
}

export interface ForeignHolder {
  /** `'descriptor'`: opened by `fs` or the like. `'sqlite'`: opened by a SQLite, and there is another copy it may be. */
  readonly kind: 'descriptor' | 'sqlite';
  readonly fd: number;
  readonly path: string;
  /** The copies of SQLite that it may belong to: paths of libraries, or `node:sqlite`. */
  readonly copies: readonly string[];
}

// open(2): a descriptor that can neither read nor lock; its close harms nothing. The same number on x86, arm and riscv.
const oPath = 0o10000000;

/**
 * Judges the descriptors that are open on a database before this library opens it for the first time.
 *
 * Every SQLite since 3.31 opens its files with O_NOFOLLOW (os_unix.c, unixOpen), which nothing in Node does; so a
 * descriptor without it is a plain one, whose close will cancel the locks of SQLite. One with it is a connection of our
 * own copy, unless another copy is loaded that it may belong to.
 */
export function judgeHolders(
  descriptors: readonly OpenedDescriptor[],
  copies: () => readonly string[],
): ForeignHolder | null {
  const real = descriptors.filter(({ flags }) => flags !== null && (flags & oPath) === 0);
  const plain = real.find(({ flags }) => ((flags ?? 0) & constants.O_NOFOLLOW) === 0);
  if (plain !== undefined) return { kind: 'descriptor', fd: plain.fd, path: plain.path, copies: [] };
  const [first] = real;
  if (first === undefined) return null;
  const others = copies();
  return others.length === 0 ? null : { kind: 'sqlite', fd: first.fd, path: first.path, copies: others };
}

/** Looks for a foreign holder of the database `file`; null when there is none, or where `/proc` cannot tell. */
export function findForeignHolder(
  file: string,
  identity: FileIdentity,
  addon: FileIdentity | null,
): ForeignHolder | null {
  const shm = `${file}-shm`;
  const found = findDescriptors((candidate, path) => sameFile(candidate, identity) || path === shm);
  if (!found.supported) return null;
  return judgeHolders(found.descriptors.map(withFlags), () => otherCopies(addon));
}

function withFlags({ fd, path }: Descriptor): OpenedDescriptor {
  return { fd, path, flags: readFlags(fd) };
}
