/**
 * Declares the jobs that can run off the event loop, with their inputs and results: plain data that crosses threads.
 */

import type { FileIdentity } from '../base/file-identity';

/** The database that a job opens by itself. */
export interface JobTarget {
  /** Canonical path of the database. */
  readonly file: string;
  /** The file that the path must still name, or the job is refused; `null` if unknown. */
  readonly identity: FileIdentity | null;
  /** Path of better-sqlite3's addon, if the application had to name it. */
  readonly nativeBinding?: string | undefined;
  /**
   * True for a file that this process does not have open: it is untrusted, so the job runs in a process that can be
   * killed. A check always runs in one.
   */
  readonly foreign?: boolean | undefined;
}

/**
 * How a read-only job opens a database: `'read-only'` (default) changes no file; `'read-write'` for a database in WAL
 * mode that no process has open, of which a read-only connection would leave new `-wal` and `-shm` files.
 */
export type ReadAccess = 'read-only' | 'read-write';

export type CheckpointMode = 'passive' | 'truncate';

/**
 * Copies the WAL into the database.
 *
 * Assumes that the application keeps a connection of its own open until the job ends: the job's connection is then
 * never the last one of the file, and its close runs no unreported checkpoint.
 */
export interface CheckpointJob extends JobTarget {
  readonly kind: 'checkpoint';
  readonly mode: CheckpointMode;
  /** How long the checkpoint waits for locks. A truncating checkpoint that waits also blocks writers. */
  readonly busyTimeoutMs: number;
  /** Also flush the drive's cache (macOS). */
  readonly fullfsync?: boolean | undefined;
  /**
   * In a thread of its own: if a commit overtakes it, sync the database anyway, and run up to this many more until none
   * is overtaken.
   */
  readonly followUps?: number | undefined;
}

export interface CheckpointResult {
  readonly mode: CheckpointMode;
  /** All frames of the WAL are in the database and nothing blocked the checkpoint. */
  readonly complete: boolean;
  /** Another connection held a lock that this checkpoint needed. */
  readonly busy: boolean;
  /** Frames in the WAL; 0 after a complete truncation and for a database that is not in WAL mode. */
  readonly walFrames: number;
  /** Frames of the WAL that have been copied into the database. */
  readonly checkpointedFrames: number;
  /** Size of the `-wal` file after the checkpoint, in bytes. */
  readonly walBytes: number;
  readonly durationMs: number;
}

/** Writes one compact snapshot of a schema to a new file, in one SQLite call that cannot be interrupted. */
export interface VacuumIntoJob extends JobTarget {
  readonly kind: 'vacuum-into';
  /** The output file: absent, or empty. */
  readonly destination: string;
  readonly busyTimeoutMs: number;
  readonly access?: ReadAccess | undefined;
}

/** Copies the pages of one snapshot step by step. */
export interface OnlineBackupJob extends JobTarget {
  readonly kind: 'online-backup';
  /** The output file: absent, or empty. */
  readonly destination: string;
  readonly busyTimeoutMs: number;
  /** Maximum pages copied per second; `null` for no limit. */
  readonly pagesPerSecond: number | null;
  /** The progress listener sets the number of pages of each next step. */
  readonly steered: boolean;
  readonly access?: ReadAccess | undefined;
}

/** Facts in the header of a database, read through SQLite. */
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
  /** The source's header before and after the copy: a copy carries one of the two. */
  readonly sourceHeaders: readonly HeaderFacts[];
  /** Copied pages, if the method counts them. */
  readonly copiedPages: number | null;
  /** Description of the missing end of the source file; `null` if it is whole. */
  readonly missing: string | null;
  readonly durationMs: number;
}

export type VerifyLevel = 'quick' | 'full';

/** Checks a database: header, structure, foreign keys. */
export interface VerifyJob extends JobTarget {
  readonly kind: 'verify';
  /**
   * `'quick'`: `quick_check`; `'full'`: `integrity_check`, which also compares each index with its table; `'header'`
   * and `'foreign-keys'`: only these.
   */
  readonly level: VerifyLevel | 'header' | 'foreign-keys';
  readonly busyTimeoutMs: number;
  readonly access?: ReadAccess | undefined;
}

export interface VerifyResult {
  /** Depth of the check; `'partial'`: table by table, without those in `unchecked`. `null`: none was requested. */
  readonly checked: VerifyLevel | 'partial' | null;
  /** Objects that could not be checked without the application's functions, collations or modules, and why. */
  readonly unchecked: readonly string[];
  /** Rows that violate a CHECK constraint, 100 at most; `null` if they were not counted. */
  readonly checkViolations: number | null;
  /** `null` if it could not be read: `problems` has the reason. */
  readonly header: HeaderFacts | null;
  readonly journalMode: string | null;
  /** Findings of the check; empty if the database is sound. */
  readonly problems: readonly string[];
  /** Rows that refer to a row that does not exist; `null` if they could not be counted. */
  readonly foreignKeyViolations: number | null;
  readonly sqliteVersion: string;
  readonly durationMs: number;
}

/**
 * Gives a database a rollback journal in its header and folds in all its sidecars, with exclusive access to the file.
 */
export interface FoldJob extends JobTarget {
  readonly kind: 'fold';
  readonly busyTimeoutMs: number;
}

export interface FoldResult {
  readonly journalMode: string;
  readonly pages: number;
}

/** Works on a file through a descriptor that stays open until the job ends. */
interface DescriptorJob {
  readonly file: string;
  /**
   * Opened by the caller before SQLite wrote the file. Opening and closing the file here would cancel the locks of a
   * connection that checks it meanwhile. fcntl(2): closing any descriptor of a file releases the process's locks on it.
   */
  readonly descriptor: number;
}

/** fsync of the file. Never retried: the kernel reports a failed write-back once. */
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

/** Copies a finished file that no process has open, syncs the copy, and reads the copy's hash back. */
export interface TransferJob {
  readonly kind: 'transfer';
  readonly file: string;
  readonly destination: string;
}

/** Finds out, without changing the file, whether it is a database and unused. */
export interface ProbeJob extends JobTarget {
  readonly kind: 'probe';
  readonly busyTimeoutMs: number;
}

export interface ProbeResult {
  /** `'other'`: not an SQLite database; an empty file is one. `'locked'`: another connection holds a lock on it. */
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

/** Progress of a copy, in better-sqlite3's terms. */
export interface CopyProgress {
  readonly totalPages: number;
  readonly remainingPages: number;
}

/** Reports of a running job. */
export type JobProgress =
  /** The copy begins; the source's header suggests its size. */
  | { readonly step: 'started'; readonly header: HeaderFacts }
  /** Pages copied so far. */
  | ({ readonly step: 'copied' } & CopyProgress);

/** Limits of a job's process, beyond which it is killed. */
export interface JobLimits {
  /** Processor time of all its threads, in milliseconds: waiting for a slow disk does not count. */
  readonly processorMs: number;
  /** Resident memory. */
  readonly memoryBytes: number;
}

/** From the host to the process of a job. */
export type ProcessMessage =
  | { readonly type: 'job'; readonly job: Job; readonly limits: JobLimits }
  /** The answer to a progress report: the number of pages of the next step. */
  | { readonly type: 'answer'; readonly pages: number };

/** From the host to the worker. */
export type HostMessage =
  | { readonly type: 'job'; readonly id: number; readonly job: Job; readonly control: SharedArrayBuffer }
  /** No more jobs will come: the thread may end. */
  | { readonly type: 'rest' };

/** From the worker to the host. */
export type WorkerMessage =
  | { readonly type: 'progress'; readonly id: number; readonly progress: JobProgress }
  /** The job waits until the host thread is blocked, to close its connection. */
  | { readonly type: 'closing'; readonly id: number }
  | { readonly type: 'done'; readonly id: number; readonly result: ResultOf<Job> }
  | { readonly type: 'failed'; readonly id: number; readonly error: SerializedError };

/** The classes of this library with which a job refuses its file. */
export type OpeningRefusal = 'FileReplacedError' | 'UntrustedFileError' | 'OrphanedJournalError';

export interface SerializedRefusal {
  readonly family: 'refusal';
  readonly name: OpeningRefusal;
  readonly message: string;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An error in transit between threads, which do not preserve classes. */
export type SerializedError =
  | { readonly family: 'sqlite'; readonly code: string; readonly message: string }
  | SerializedRefusal
  | { readonly family: 'aborted' }
  | {
      readonly family: 'other';
      readonly name: string;
      readonly message: string;
      /** `errno` name and system call, if the operating system failed. */
      readonly code: string | null;
      readonly syscall: string | null;
    };
