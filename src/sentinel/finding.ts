/** Declares the sentinel's reports: one shape for every fault of locks and files. */
import type { FileIdentity } from '../base/file-identity';
import { databaseDescriptors } from '../proc/foreign-descriptors';
import { otherCopies } from '../proc/loaded-copies';

export type LossKind =
  /** Locks that the connection must have are missing. */
  | 'locksLost'
  /** Two copies of SQLite in this process have the file open right now. */
  | 'secondCopy'
  /** The name of the database is missing, or leads to another file. */
  | 'databaseReplaced'
  /** The name of the `-wal` or `-shm` is missing, or leads to another file. */
  | 'sidecarReplaced'
  /** The database, its `-wal` or its `-shm` was written past SQLite. */
  | 'changedUnderneath'
  /** The database got another name. */
  | 'hardLinked'
  /** The process lacks the descriptors or memory for the check; nothing is known to be lost. */
  | 'cannotLook'
  /** A descriptor that is not SQLite's is open on the database: closing it will cancel the locks. */
  | 'foreignDescriptor';

export interface Loss {
  readonly kind: LossKind;
  /** The connection must not be used any more. The others are warnings of a coming fault. */
  readonly fatal: boolean;
  /** The commits of this connection are, or may be, no longer reachable by the names of the files. */
  readonly filesLost: boolean;
  /** One sentence: what happened, to which file. */
  readonly message: string;
  /** The most likely causes. */
  readonly culprits: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;
}

// Determines, after the fact, what may have taken the locks or the files away.

/** Returns the likely causes of lost locks, the most certain first; never empty. */
export function likelyCauses(file: string, identity: FileIdentity, addon: FileIdentity | null): readonly string[] {
  const descriptors = databaseDescriptors({ file, identity })
    .filter(({ opener }) => opener === 'plain')
    .map(({ fd, path }) => `descriptor ${fd}, which has ${path} open and is not SQLite's`);
  const copies = otherCopies(addon).map(copy => `another copy of SQLite in this process: ${copy}`);
  const named = [...descriptors, ...copies];
  return named.length > 0
    ? named
    : ['code in this process that opened and closed the file, such as fs.readFile, fs.copyFile or a stream'];
}
