/** The jobs that can run off the event loop, with what each needs and what each gives: plain data that crosses threads. */

import type { FileIdentity } from '../base/file-identity';

/** The database that a job opens for itself. */
export interface JobTarget {
  /** Canonical path of the database. */
  readonly file: string;
  /** The file that the path must still name, or the job refuses; `null` where there is nothing to compare with. */
  readonly identity: FileIdentity | null;
  /** Path of better-sqlite3's addon, where the application had to name it. */
  readonly nativeBinding?: string | undefined;
  /**
   * True for a file that this process does not have open: it may come from anybody, so the job runs in a process that can
   * be killed. A check runs in one in any case.
   */
  readonly foreign?: boolean | undefined;
}

/**
 * How a job that only reads opens a database: `'read-only'` (default) leaves every file as it is; `'read-write'` for a
 * database in WAL mode that nobody has open, whose new `-wal` and `-shm` a read-only connection would leave behind.
 */
export type ReadAccess = 'read-only' | 'read-write';

export type CheckpointMode = 'passive' | 'truncate';

/**
 * Copies the WAL into the database.
 *
 * It assumes that the application holds a connection of its own until the job is over: the connection of the job is
 * then never the last one of the file, and its close does no checkpoint whose errors nobody would see.
 */
export interface CheckpointJob extends JobTarget {
  readonly kind: 'checkpoint';
  readonly mode: CheckpointMode;
  /** How long the checkpoint waits for locks. A truncating one that waits keeps writers waiting too. */
  readonly busyTimeoutMs: number;
  /** Sync the drive's cache as well (macOS). */
  readonly fullfsync?: boolean | undefined;
  /**
   * In a thread of its own: when a commit overtakes it, sync the database all the same, and let so many others follow
   * until none is overtaken.
   */
  readonly followUps?: number | undefined;
}

export interface CheckpointResult {
  readonly mode: CheckpointMode;
  /** All frames of the WAL are in the database and nothing was in the way. */
  readonly complete: boolean;
  /** Another connection had a lock that this checkpoint needed. */
  readonly busy: boolean;
  /** Frames in the WAL; 0 after a complete truncation and for a database that is not in WAL mode. */
  readonly walFrames: number;
  /** Frames of the WAL that are copied into the database. */
  readonly checkpointedFrames: number;
  /** Size of the `-wal` file after the checkpoint, in bytes. */
  readonly walBytes: number;
  readonly durationMs: number;
}

/** Writes one compact snapshot of a schema to a new file. It runs in one call of SQLite and cannot be interrupted. */
export interface VacuumIntoJob extends JobTarget {
  readonly kind: 'vacuum-into';
  /** The file that is written: absent, or empty. */
  readonly destination: string;
  readonly busyTimeoutMs: number;
  readonly access?: ReadAccess | undefined;
}

/** Copies the pages of one snapshot step by step. */
export interface OnlineBackupJob extends JobTarget {
  readonly kind: 'online-backup';
  /** The file that is written: absent, or empty. */
  readonly destination: string;
  readonly busyTimeoutMs: number;
  /** Pages that are copied a second at most; `null` for as fast as the disk. */
  readonly pagesPerSecond: number | null;
  /** The progress listener says after each step how many pages the next one copies. */
  readonly steered: boolean;
  readonly access?: ReadAccess | undefined;
}

/** What a database says of itself in its header, read through SQLite. */
export interface HeaderFacts {
  readonly pageSize: number;
  readonly pages: number;
  readonly freePages: number;
  readonly encoding: string;
  readonly userVersion: number;
  readonly applicationId: number;
  readonly schemaVersion: number;
}

export interface CopyResult {
  /** The source's header before and after the copy: a copy carries the one or the other. */
  readonly sourceHeaders: readonly HeaderFacts[];
  /** Pages that were copied, where the method counts them. */
  readonly copiedPages: number | null;
  /** What is missing at the end of the source's file; `null` when it is whole. */
  readonly missing: string | null;
  readonly durationMs: number;
}

export type VerifyLevel = 'quick' | 'full';

/** Checks a database: header, structure, foreign keys. */
export interface VerifyJob extends JobTarget {
  readonly kind: 'verify';
  /**
   * `'quick'`: `quick_check`; `'full'`: `integrity_check`, which also compares each index with its table;
   * `'header'` and `'foreign-keys'`: only these.
   */
  readonly level: VerifyLevel | 'header' | 'foreign-keys';
  readonly busyTimeoutMs: number;
  readonly access?: ReadAccess | undefined;
}

export interface VerifyResult {
  /** How deep the check went; `'partial'`: table by table, without those in `unchecked`. `null`: none was asked for. */
  readonly checked: VerifyLevel | 'partial' | null;
  /** What could not be checked without the functions, collations or modules of the application, and why. */
  readonly unchecked: readonly string[];
  /** `null` when it could not be read: `problems` says why. */
  readonly header: HeaderFacts | null;
  readonly journalMode: string | null;
  /** What the check found; empty when the database is sound. */
  readonly problems: readonly string[];
  /** Rows that refer to a row that does not exist; `null` when that could not be counted. */
  readonly foreignKeyViolations: number | null;
  readonly sqliteVersion: string;
  readonly durationMs: number;
}

/** Gives a database a rollback journal in its header and takes all its sidecars in, with nobody else in the file. */
export interface FoldJob extends JobTarget {
  readonly kind: 'fold';
  readonly busyTimeoutMs: number;
}

export interface FoldResult {
  readonly journalMode: string;
  readonly pages: number;
}

/** Works on a file through a descriptor that stays open until the job is over. */
interface DescriptorJob {
  readonly file: string;
  /**
   * Opened by whoever asks, before SQLite wrote the file. Opening and closing the file here would cancel the locks of a
   * connection that checks it meanwhile. fcntl(2): closing any descriptor of a file releases the process's locks on it.
   */
  readonly descriptor: number;
}

/** Puts what the file holds by now on stable storage. A failure is final: the next sync would not tell of it again. */
export interface SyncJob extends DescriptorJob {
  readonly kind: 'sync';
}

/** Reads the size and hash of a finished file. */
export interface HashJob extends DescriptorJob {
  readonly kind: 'hash';
}

export interface FileContent {
  readonly bytes: number;
  readonly sha256: string;
}

/** Copies a finished file that nobody has open, syncs the copy, and reads the copy's hash back. */
export interface TransferJob {
  readonly kind: 'transfer';
  readonly file: string;
  readonly destination: string;
}

/** Finds out whether a file is a database that nobody uses, and leaves it as it is. */
export interface ProbeJob extends JobTarget {
  readonly kind: 'probe';
  readonly busyTimeoutMs: number;
}

export interface ProbeResult {
  /** `'other'`: no SQLite database; an empty file is one. `'locked'`: another connection has a lock on it. */
  readonly state: 'database' | 'other' | 'locked';
}

interface JobMap {
  checkpoint: { job: CheckpointJob; result: CheckpointResult };
  'vacuum-into': { job: VacuumIntoJob; result: CopyResult };
  'online-backup': { job: OnlineBackupJob; result: CopyResult };
  verify: { job: VerifyJob; result: VerifyResult };
  fold: { job: FoldJob; result: FoldResult };
  probe: { job: ProbeJob; result: ProbeResult };
  sync: { job: SyncJob; result: void };
  hash: { job: HashJob; result: FileContent };
  transfer: { job: TransferJob; result: FileContent };
}

export type JobKind = keyof JobMap;
export type Job = JobMap[JobKind]['job'];
export type ResultOf<SomeJob extends Job> = JobMap[SomeJob['kind']]['result'];

/** How far a copy has come, in better-sqlite3's terms. */
export interface CopyProgress {
  readonly totalPages: number;
  readonly remainingPages: number;
}

/** What a job says while it runs. */
export type JobProgress =
  /** The copy begins; its size can be guessed from the source's header. */
  | { readonly step: 'started'; readonly header: HeaderFacts }
  /** So many pages are copied. */
  | ({ readonly step: 'copied' } & CopyProgress);

/** What the process of a job may use, until it is killed. */
export interface JobLimits {
  /** Processor time of all its threads, in milliseconds: a slow disk costs none. */
  readonly processorMs: number;
  /** Memory that is resident. */
  readonly memoryBytes: number;
}

/** From the host to the process of a job. */
export type ProcessMessage =
  | { readonly type: 'job'; readonly job: Job; readonly limits: JobLimits }
  /** The answer to a report of progress: how many pages the next step copies. */
  | { readonly type: 'answer'; readonly pages: number };

/** From the host to the worker. */
export type HostMessage =
  | { readonly type: 'job'; readonly id: number; readonly job: Job; readonly control: SharedArrayBuffer }
  /** Nothing more will come: the thread may end. */
  | { readonly type: 'rest' };

/** From the worker to the host. */
export type WorkerMessage =
  | { readonly type: 'progress'; readonly id: number; readonly progress: JobProgress }
  /** The job waits until the host stands still, to close its connection. */
  | { readonly type: 'closing'; readonly id: number }
  | { readonly type: 'done'; readonly id: number; readonly result: ResultOf<Job> }
  | { readonly type: 'failed'; readonly id: number; readonly error: SerializedError };

/** An error on its way between threads, where classes do not survive. */
export type SerializedError =
  | { readonly family: 'sqlite'; readonly code: string; readonly message: string }
  | { readonly family: 'replaced'; readonly message: string; readonly details: Readonly<Record<string, unknown>> }
  | {
      readonly family: 'untrusted';
      readonly message: string;
      readonly hint: string;
      readonly details: Readonly<Record<string, unknown>>;
    }
  | { readonly family: 'aborted' }
  | {
      readonly family: 'other';
      readonly name: string;
      readonly message: string;
      /** `errno` name and call, where the operating system refused. */
      readonly code: string | null;
      readonly syscall: string | null;
    };
