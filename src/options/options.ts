/** Declares the options that users pass. Each field documents its effect, its default and its dangers. */
import type { Logger } from '../events/logger';

/** Options of `openDatabase` and `new Database`: those of better-sqlite3 13 and those of this library. */
export interface Options {
  /** Open for reading only. Default `false`. A read-only connection never checkpoints. */
  readonly?: boolean | undefined;
  /** Refuse to create the file. Default `false`. */
  fileMustExist?: boolean | undefined;
  /**
   * How long a statement waits for the lock of another connection, in milliseconds. Default 5000.
   *
   * The wait sleeps inside SQLite and blocks the event loop; `db.write` waits without blocking it.
   *
   * @see https://sqlite.org/c3ref/busy_timeout.html
   */
  timeout?: number | undefined;
  /** Called with each SQL text that the application runs; the library's own statements are not passed. */
  verbose?: ((message?: unknown, ...additionalArgs: unknown[]) => void) | null | undefined;
  /** Path of better-sqlite3's native addon, or the addon itself; only some bundlers need it. */
  nativeBinding?: string | object | null | undefined;

  /**
   * `'auto'` (default): WAL where the filesystem supports it, else a rollback journal with durable settings. `'wal'`:
   * WAL, or an error that says why not. `'rollback'`: always a rollback journal.
   *
   * @see https://sqlite.org/pragma.html#pragma_journal_mode
   */
  journalMode?: 'auto' | 'wal' | 'rollback' | undefined;
  /**
   * `'full'` (default): a commit returns after its data is on stable storage, even if the power fails at that instant.
   * `'extra'`: `synchronous=EXTRA` in WAL mode as well, which syncs the folder where SQLite knows how to.
   *
   * @see https://sqlite.org/pragma.html#pragma_synchronous
   */
  durability?: 'full' | 'extra' | undefined;
  /**
   * How `db.transaction(fn)` begins: `'deferred'` (default, as in better-sqlite3) or `'immediate'`, which takes the
   * write lock first and therefore cannot fail half-way with `SQLITE_BUSY_SNAPSHOT`.
   *
   * @see https://sqlite.org/lang_transaction.html
   */
  transactionMode?: 'deferred' | 'immediate' | undefined;
  /**
   * How a pragma that trades safety for speed is handled (`synchronous = NORMAL`, `mmap_size`, …).
   *
   * `'keep'` (default): the protection stays, the call returns the value in force, as SQLite does for a request that it
   * does not grant, and one warning per pragma and process reports it. `'throw'`: `UnsafeStatementError`.
   *
   * @see docs/pragmas.md
   */
  weakerPragmas?: 'keep' | 'throw' | undefined;
  /**
   * `'on'` (default): after the first open of a file in a thread, `fs` calls in that thread that would cancel the locks
   * of an open database fail with `SqliteCopyConflictError`, as `installProcessGuard()` documents. `'off'`: this open
   * installs no guard. The environment variable `SAFE_SQLITE_PROCESS_GUARD=off` disables it for the whole process.
   */
  processGuard?: 'on' | 'off' | undefined;
  /**
   * When the WAL is copied into the database; `'off'` leaves it to explicit `db.checkpoint()` calls and to `close()`.
   *
   * @see https://sqlite.org/wal.html#ckpt
   */
  checkpoint?: CheckpointOptions | 'off' | undefined;
  /** Periodic checks of the locks and files of the connection; `'off'` disables them. */
  sentinel?: SentinelOptions | 'off' | undefined;
  /** The queue of `db.write`. */
  writes?: WriteOptions | undefined;
  /** The reader processes of `db.reader`; `'off'` rejects its calls. */
  readers?: ReaderOptions | 'off' | undefined;
  /** Scheduled backups. Default: none. */
  backup?: ScheduledBackupOptions | undefined;
  /**
   * Folder for the rescued copy if the files are lost under a live connection; created when needed. Default: the folder
   * of the database. If it cannot be written, the copy goes beside the database, or to the temporary folder.
   */
  rescueDirectory?: string | undefined;
  /** A pino logger or an object with its methods, or `false` for silence. Default: pino at `warn` to standard error. */
  logger?: Logger | false | undefined;
  /** Protections to give up, each with a sentence that gives the reason; every one is logged at each open. */
  dangerously?: DangerousOptions | undefined;
}

export interface CheckpointOptions {
  /**
   * Size at which the WAL is checkpointed, in bytes. Default 4 MiB (1000 pages of 4096 bytes, as in SQLite).
   *
   * @see https://sqlite.org/pragma.html#pragma_wal_autocheckpoint
   */
  walBytes?: number | undefined;
  /** Longest time between checkpoints of a WAL that is not empty, in milliseconds. Default 30 000. */
  intervalMs?: number | undefined;
  /**
   * A WAL file larger than this is truncated after a complete checkpoint, in bytes. Default 64 MiB.
   *
   * @see https://sqlite.org/c3ref/c_checkpoint_full.html
   */
  truncateAboveBytes?: number | undefined;
  /** `'external'`: another program (Litestream) checkpoints; this library does not. Default `'self'`. */
  owner?: 'self' | 'external' | undefined;
  /** Where checkpoints run. Default `'worker'`: a worker thread, so the event loop never waits for the disk. */
  thread?: 'worker' | 'main' | undefined;
}

export interface SentinelOptions {
  /**
   * Interval of the lock and file checks, in milliseconds; five of them while nothing was committed for ten seconds. Default
   * 1000.
   */
  intervalMs?: number | undefined;
  /** Also check before each commit. Default `true`. */
  onCommit?: boolean | undefined;
}

export interface WriteOptions {
  /** Maximum number of writes that share one commit. Default 256. */
  maxBatch?: number | undefined;
  /**
   * A batch is committed once its functions have blocked the event loop for this long, in milliseconds. A single longer
   * function is not interrupted. Default 10.
   */
  maxBatchMs?: number | undefined;
  /** Maximum number of waiting writes; more are rejected with `WriteQueueFullError`. Default 10 000. */
  maxQueued?: number | undefined;
  /**
   * How long a write waits while another connection holds the lock or this connection is occupied, in milliseconds;
   * then it rejects with `SqliteBusyError`. Default: the value of `timeout`.
   */
  timeoutMs?: number | undefined;
  /** Maximum retries of one write. Default 10 000, so `timeoutMs` is normally reached first. */
  retries?: number | undefined;
  /** Shortest delay between two attempts, in milliseconds. Default 2. */
  minDelayMs?: number | undefined;
  /** Longest delay between two attempts, in milliseconds. Default 100. */
  maxDelayMs?: number | undefined;
}

export interface ReaderOptions {
  /** Maximum number of reader processes. Default: the number of processor cores less one, at least 1. */
  max?: number | undefined;
  /** An idle reader process ends after this long, in milliseconds. Default 60 000. */
  idleMs?: number | undefined;
  /**
   * Time limit of one call, including its wait for a reader, in milliseconds; then its process is terminated and it
   * rejects with `QueryTimeoutError`. Default 30 000: a running read pins the WAL.
   */
  timeoutMs?: number | undefined;
  /** Maximum number of waiting calls; more are rejected with `ReadQueueFullError`. Default 1000. */
  maxQueued?: number | undefined;
  /**
   * Path or `file:` URL of a module whose default export (or export `setup`) is called with the better-sqlite3
   * connection of each reader before its first query, to register the application's functions, aggregates, tables and
   * extensions. The schema is then trusted to call them. Default: none.
   */
  setup?: string | URL | undefined;
  /**
   * Memory limit of one reader process, in bytes, including that of Node (some 60 MB). A query that needs more ends
   * with its process: `ResultTooLargeError`. Default 512 MiB, at least 128 MiB.
   */
  memoryBytes?: number | undefined;
}

export interface ScheduledBackupOptions {
  /** The folder that the backups are written to. */
  directory: string;
  /** Time between two backups, in milliseconds. Default 3 600 000 (an hour). */
  intervalMs?: number | undefined;
  /**
   * How many backups are kept: the newest, and beyond them one a day and one a week. Default `{ newest: 24, daily: 7,
   * weekly: 4 }`.
   */
  keep?: { newest?: number | undefined; daily?: number | undefined; weekly?: number | undefined } | undefined;
  /** How each backup is verified before it counts. Default `'quick'`. */
  verify?: 'quick' | 'full' | undefined;
  /**
   * Bytes that stay free for the service on the filesystem of the database. A backup that would take them is not begun, or is
   * stopped, and `backupFailed` says so. Default: 5 % of the filesystem (1 GiB at most), or twice `checkpoint.walBytes` where that
   * is more; nothing where the folder is on another filesystem.
   */
  reserveBytes?: number | undefined;
}

/** Each value is a sentence that gives the reason. It is logged at every open. */
export interface DangerousOptions {
  /** Open on a network, cluster, virtual-machine or unknown FUSE filesystem, in rollback mode, one host at a time. */
  allowNetworkFilesystem?: string | undefined;
  /**
   * Let SQL lower `synchronous`: commits may be lost in a power failure.
   *
   * @see https://sqlite.org/pragma.html#pragma_synchronous
   */
  allowUnsyncedCommits?: string | undefined;
  /**
   * Accept that a power cut, or the end of the container, can destroy acknowledged commits or the whole database:
   * `health()` is then not `'degraded'` because of it. It changes nothing else.
   */
  allowNonDurableFilesystem?: string | undefined;
  /** Open with a SQLite version that has a known corruption bug. */
  allowSqliteVersion?: string | undefined;
}
