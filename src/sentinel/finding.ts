/** What the sentinel reports: one shape for every fault of locks and files. */
import type { FileIdentity } from '../base/file-identity';
import { databaseDescriptors } from '../proc/foreign-descriptors';
import { otherCopies } from '../proc/loaded-copies';

export type LossKind =
  /** Locks that the connection must have are not there. */
  | 'locksLost'
  /** Two copies of SQLite in this process have the file open right now. */
  | 'secondCopy'
  /** The name of the database leads nowhere, or to another file. */
  | 'databaseReplaced'
  /** The name of the `-wal` or `-shm` leads nowhere, or to another file. */
  | 'sidecarReplaced'
  /** Somebody wrote into the database, its `-wal` or its `-shm` past SQLite. */
  | 'changedUnderneath'
  /** The database got another name. */
  | 'hardLinked'
  /** The process has nothing left to look with; what was not seen is not known to be lost. */
  | 'cannotLook'
  /** A descriptor that is not SQLite's is open on the database: its close will cancel the locks. */
  | 'foreignDescriptor';

export interface Loss {
  readonly kind: LossKind;
  /** The connection must not be used any more. The others are warnings of what is about to go wrong. */
  readonly fatal: boolean;
  /** What this connection has committed is, or may be, no longer reachable by the names of the files. */
  readonly filesLost: boolean;
  /** One sentence: what happened, to which file. */
  readonly message: string;
  /** What most likely did it. */
  readonly culprits: readonly string[];
  readonly details: Readonly<Record<string, unknown>>;
}

// Who may have taken the locks or the files away: what can still be seen of it after the fact.

/** Names the likely culprits of lost locks, the surest first; never empty. */
export function likelyCauses(file: string, identity: FileIdentity, addon: FileIdentity | null): readonly string[] {
  const descriptors = databaseDescriptors(file, identity)
    .filter(({ opener }) => opener === 'plain')
    .map(({ fd, path }) => `descriptor ${fd}, which has ${path} open and is not SQLite's`);
  const copies = otherCopies(addon).map(copy => `another copy of SQLite in this process: ${copy}`);
  const named = [...descriptors, ...copies];
  return named.length > 0
    ? named
    : ['code in this process that opened and closed the file, such as fs.readFile, fs.copyFile or a stream'];
}
