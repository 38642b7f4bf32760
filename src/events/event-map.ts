/** Every event of a database with its payload. Each is also published on `diagnostics_channel` (`safe-sqlite:<name>`). */
import type TypedEmitter from 'typed-emitter';

/** What every payload carries. */
export interface EventFacts {
  /** Canonical path of the database; `''` for a database in memory or a temporary one. */
  readonly file: string;
}

export interface CheckpointEvent extends EventFacts {
  readonly mode: 'passive' | 'truncate';
  /** All frames of the WAL are in the database and nothing was in the way. */
  readonly complete: boolean;
  /** Another connection had a lock that this checkpoint needed. */
  readonly busy: boolean;
  /** Frames in the WAL. */
  readonly walFrames: number;
  /** Frames of the WAL that are copied into the database. */
  readonly checkpointedFrames: number;
  /** Size of the `-wal` file after the checkpoint, in bytes. */
  readonly walBytes: number;
  readonly durationMs: number;
}

/** A query or snapshot of `db.reader` that a reader runs now. */
export interface RunningRead {
  /** The SQL with every literal replaced by `?`; `null` in a snapshot that runs no query right now. */
  readonly sql: string | null;
  /** Since the reader took it, in milliseconds: for so long it may have pinned the WAL. */
  readonly ageMs: number;
  /** Process id of the reader; `null` in the application's thread. */
  readonly pid: number | null;
  readonly snapshot: boolean;
}

export interface CheckpointBlockedEvent extends CheckpointEvent {
  /** `'reader'`: a read transaction pins the WAL. `'busy'`: another checkpoint or writer was at work. */
  readonly reason: 'reader' | 'busy';
  /** Checkpoints in a row that were blocked. */
  readonly consecutive: number;
  /** How long checkpoints have been blocked, in milliseconds. */
  readonly blockedForMs: number;
  /** What `db.reader` of this thread reads meanwhile, the oldest first: one of these may be what pins the WAL. */
  readonly readers: readonly RunningRead[];
}

export interface CheckpointFailedEvent extends EventFacts {
  readonly mode: 'passive' | 'truncate';
  readonly error: Error;
  /** Failures in a row. */
  readonly consecutive: number;
  /** True when the scheduler will try again by itself. */
  readonly willRetry: boolean;
}

export interface BusyEvent extends EventFacts {
  readonly code: string;
  /** 1 for the first try that met the lock. */
  readonly attempt: number;
  /** Wait before the next try, in milliseconds. */
  readonly delayMs: number;
  /** Time waited so far, in milliseconds. */
  readonly waitedMs: number;
}

export interface QueryTimeoutEvent extends EventFacts {
  /** The SQL with every literal replaced by `?`. */
  readonly sql: string;
  readonly timeoutMs: number;
  /** `'running'`: its reader process was ended. `'queued'`: it waited for a reader all the time. */
  readonly phase: 'queued' | 'running';
  /** Process id of the reader; `null` where the query ran in the application's thread, or not at all. */
  readonly pid: number | null;
}

export interface ReaderLostEvent extends EventFacts {
  /** Process id; `null` where none could be started. */
  readonly pid: number | null;
  readonly exitCode: number | null;
  /** The signal that ended it, for example `'SIGKILL'` of the system's memory killer. */
  readonly signal: string | null;
  /** What it ran, with every literal replaced by `?`; `null` where it ran nothing. */
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
  /** What holds the transaction open. */
  readonly kind: 'transaction' | 'iterator';
  readonly ageMs: number;
  /** The SQL, where it is known. */
  readonly sql: string | null;
}

export interface LocksLostEvent extends EventFacts {
  readonly error: Error;
  /** Path of the rescued copy, if one could be made. */
  readonly rescued: string | null;
}

export interface FileReplacedEvent extends EventFacts {
  readonly error: Error;
  /** Path of the rescued copy, if one could be made. */
  readonly rescued: string | null;
}

export interface FencedEvent extends EventFacts {
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

/** Typed listener registration; listeners run synchronously, and one that throws is logged and harms nothing. */
export type DatabaseEmitter = TypedEmitter<DatabaseEvents>;
