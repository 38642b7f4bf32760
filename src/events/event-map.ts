/**
 * Declares every event of a database with its payload. Each is also published on `diagnostics_channel`
 * (`safe-sqlite:<name>`).
 */
import type TypedEmitter from 'typed-emitter';

/** Fields of every payload. */
export interface EventFacts {
  /** Canonical path of the database; `''` for a database in memory or a temporary one. */
  readonly file: string;
}

export interface CheckpointEvent extends EventFacts {
  readonly mode: 'passive' | 'truncate';
  /** All frames of the WAL are in the database and nothing blocked the checkpoint. */
  readonly complete: boolean;
  /** Another connection held a lock that this checkpoint needed. */
  readonly busy: boolean;
  /** Frames in the WAL. */
  readonly walFrames: number;
  /** Frames of the WAL that have been copied into the database. */
  readonly checkpointedFrames: number;
  /** Size of the `-wal` file after the checkpoint, in bytes. */
  readonly walBytes: number;
  readonly durationMs: number;
}

/** A query or snapshot of `db.reader` that a reader is running. */
export interface RunningRead {
  /** The SQL with every literal replaced by `?`; `null` in a snapshot that is not running a query. */
  readonly sql: string | null;
  /** Milliseconds since the reader started it; it may have pinned the WAL for that long. */
  readonly ageMs: number;
  /** Process id of the reader; `null` in the application's thread. */
  readonly pid: number | null;
  readonly snapshot: boolean;
}

export interface CheckpointBlockedEvent extends CheckpointEvent {
  /** `'reader'`: a read transaction pins the WAL. `'busy'`: another checkpoint or a writer was active. */
  readonly reason: 'reader' | 'busy';
  /** Consecutive blocked checkpoints. */
  readonly consecutive: number;
  /** How long checkpoints have been blocked, in milliseconds. */
  readonly blockedForMs: number;
  /** Running reads of this thread's `db.reader`, oldest first; one of them may be pinning the WAL. */
  readonly readers: readonly RunningRead[];
}

export interface CheckpointFailedEvent extends EventFacts {
  readonly mode: 'passive' | 'truncate';
  readonly error: Error;
  /** Consecutive failures. */
  readonly consecutive: number;
  /** True if the scheduler will retry by itself: false for the checkpoint of `close()`, and where another program checkpoints. */
  readonly willRetry: boolean;
}

export interface BusyEvent extends EventFacts {
  readonly code: string;
  /** 1 for the first attempt that met the lock. */
  readonly attempt: number;
  /** Wait before the next attempt, in milliseconds. */
  readonly delayMs: number;
  /** Time waited so far, in milliseconds. */
  readonly waitedMs: number;
}

export interface QueryTimeoutEvent extends EventFacts {
  /** The SQL with every literal replaced by `?`. */
  readonly sql: string;
  readonly timeoutMs: number;
  /** `'running'`: its reader was ended. `'queued'`: it never got a reader. */
  readonly phase: 'queued' | 'running';
  /** Process id of the reader; `null` if the query ran in the application's thread, or did not run. */
  readonly pid: number | null;
}

export interface ReaderLostEvent extends EventFacts {
  /** Process id; `null` if no process could be started. */
  readonly pid: number | null;
  readonly exitCode: number | null;
  /** The signal that ended it, for example `'SIGKILL'` from the OOM killer. */
  readonly signal: string | null;
  /** Its running SQL, with every literal replaced by `?`; `null` if it was idle. */
  readonly sql: string | null;
  readonly error: Error;
}

export interface WarningEvent extends EventFacts {
  /** Stable name of the warning, for example `'non-durable-filesystem'`. */
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface LongTransactionEvent extends EventFacts {
  /** What keeps the transaction open. */
  readonly kind: 'transaction' | 'iterator';
  readonly ageMs: number;
  /** The SQL, if known. */
  readonly sql: string | null;
}

export interface LocksLostEvent extends EventFacts {
  readonly error: Error;
  /**
   * Path of the rescued copy of the file that `error` names (`details.file`); `null` if none could be made. Where attached
   * files are lost with it, `error.details.allRescued` lists the copies of all.
   */
  readonly rescued: string | null;
}

export interface FileReplacedEvent extends EventFacts {
  readonly error: Error;
  /**
   * Path of the rescued copy of the file that `error` names (`details.file`); `null` if none could be made. Where attached
   * files are lost with it, `error.details.allRescued` lists the copies of all.
   */
  readonly rescued: string | null;
}

export interface FencedEvent extends EventFacts {
  /** Why nothing is served any more: the storage failed, the locks are lost, the file was replaced. */
  readonly reason: 'storage' | 'locksLost' | 'fileReplaced';
  /** The first fault. */
  readonly error: Error;
}

export interface BackupEvent extends EventFacts {
  /** Path of the verified backup. */
  readonly path: string;
  readonly bytes: number;
  readonly pages: number;
  readonly durationMs: number;
}

export interface BackupFailedEvent extends EventFacts {
  readonly path: string;
  readonly error: Error;
}

/** The events of `db.events`. */
// oxlint-disable-next-line typescript/consistent-type-definitions -- typed-emitter wants an index signature, which only a type alias has
export type DatabaseEvents = {
  checkpoint: (event: CheckpointEvent) => void;
  checkpointBlocked: (event: CheckpointBlockedEvent) => void;
  checkpointFailed: (event: CheckpointFailedEvent) => void;
  busy: (event: BusyEvent) => void;
  queryTimeout: (event: QueryTimeoutEvent) => void;
  readerLost: (event: ReaderLostEvent) => void;
  warning: (event: WarningEvent) => void;
  longTransaction: (event: LongTransactionEvent) => void;
  locksLost: (event: LocksLostEvent) => void;
  fileReplaced: (event: FileReplacedEvent) => void;
  fenced: (event: FencedEvent) => void;
  backup: (event: BackupEvent) => void;
  backupFailed: (event: BackupFailedEvent) => void;
  closed: (event: EventFacts) => void;
};

export type EventName = keyof DatabaseEvents;

/** Typed listener registration. Listeners run synchronously; one that throws is logged and has no other effect. */
export type DatabaseEmitter = TypedEmitter<DatabaseEvents>;
