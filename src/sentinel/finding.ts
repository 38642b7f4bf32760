/** What the sentinel reports: one shape for every fault of locks and files. */

export type FindingKind =
  /** Locks that the connection must have are not there. */
  | 'locksLost'
  /** Two copies of SQLite in this process have the file open right now. */
  | 'secondCopy'
  /** The name of the database leads nowhere, or to another file. */
  | 'databaseReplaced'
  /** The name of the `-wal` or `-shm` leads nowhere, or to another file. */
  | 'sidecarReplaced'
  /** The database got another name. */
  | 'hardLinked'
  /** A descriptor that is not SQLite's is open on the database: its close will cancel the locks. */
  | 'foreignDescriptor';

export interface Finding {
  readonly kind: FindingKind;
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
