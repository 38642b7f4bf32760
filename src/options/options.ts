/** The options as users pass them. Each field documents its effect, its default and its dangers. */
import type { Logger } from '../events/logger';

/** Options of `openDatabase` and `new Database`: those of better-sqlite3 13, and those of this library. */
export interface Options {
  /** Open for reading only. Default `false`. A read-only connection never checkpoints. */
  readonly?: boolean | undefined;
  /** Refuse to create the file. Default `false`. */
  fileMustExist?: boolean | undefined;
  /**
   * How long a statement waits for the lock of another connection, in milliseconds. Default 5000.
   *
   * The wait sleeps inside SQLite with the event loop stopped; `db.write` waits without stopping it.
   */
  timeout?: number | undefined;
  /** Called with each SQL text that the application runs; the statements of this library are not shown. */
  verbose?: ((message?: unknown, ...additionalArgs: unknown[]) => void) | null | undefined;
  /** Path of better-sqlite3's native addon, or the addon itself; needed by some bundlers only. */
  nativeBinding?: string | object | null | undefined;

  /**
   * `'auto'` (default): WAL where the filesystem can carry it, else a rollback journal with durable settings.
   * `'wal'`: WAL, or an error that says why not. `'rollback'`: a rollback journal everywhere.
   */
  journalMode?: 'auto' | 'wal' | 'rollback' | undefined;
  /**
   * `'full'` (default): a commit returns after its data is on stable storage, even if the power fails right then.
   * `'extra'`: also in WAL mode `synchronous=EXTRA`, which syncs the folder where SQLite knows how to.
   *
   * @see https://sqlite.org/pragma.html#pragma_synchronous
   */
  durability?: 'full' | 'extra' | undefined;
  /**
   * What `db.transaction(fn)` begins with: `'deferred'` (default, as better-sqlite3) or `'immediate'`, which takes the
   * write lock first and so cannot fail half-way with `SQLITE_BUSY_SNAPSHOT`.
   */
  transactionMode?: 'deferred' | 'immediate' | undefined;
  /**
   * What a pragma does that asks for less safety only to be faster (`synchronous = NORMAL`, `mmap_size`, …).
   *
   * `'keep'` (default): the protection stays, the call answers with the value in force as SQLite answers a request that
   * it does not grant, and one warning for each pragma and process says so. `'throw'`: `UnsafeStatementError`.
   *
   * @see docs/pragmas.md
   */
  weakerPragmas?: 'keep' | 'throw' | undefined;
  /**
   * `'on'` (default): from the first open of a file in a thread on, calls of `fs` in that thread that would cancel the
   * locks of an open database fail with `SqliteCopyConflictError`, as `installProcessGuard()` says. `'off'`: this open
   * installs no guard. The environment variable `SAFE_SQLITE_PROCESS_GUARD=off` does the same for the whole process.
   */
  processGuard?: 'on' | 'off' | undefined;
  /** When the WAL is copied into the database; `'off'` leaves it to explicit `db.checkpoint()` calls and to `close()`. */
  checkpoint?: CheckpointOptions | 'off' | undefined;
  /** The watch over the locks and the files of the connection; `'off'` switches it off. */
  sentinel?: SentinelOptions | 'off' | undefined;
  /** The queue behind `db.write`. */
  writes?: WriteOptions | undefined;
  /** The reader processes behind `db.reader`; `'off'` refuses its calls. */
  readers?: ReaderOptions | 'off' | undefined;
  /** Scheduled backups. Default: none. */
  backup?: ScheduledBackupOptions | undefined;
  /**
   * Where a snapshot goes when the files are lost under a live connection; it is created when it is needed. Default: the
   * folder of the database. What cannot be written there goes beside the database, or to the folder for temporary files.
   */
  rescueDirectory?: string | undefined;
  /** A pino logger or anything of its shape, or `false` for silence. Default: pino at `warn` to standard error. */
  logger?: Logger | false | undefined;
  /** Protections to give up, each with the sentence that says why; every one is logged at each open. */
  dangerously?: DangerousOptions | undefined;
}

export interface CheckpointOptions {
  /** A WAL of this many bytes is checkpointed. Default 4 MiB (1000 pages of 4096 bytes, as SQLite has it). */
  walBytes?: number | undefined;
  /** A WAL that holds anything is checkpointed at least this often, in milliseconds. Default 30 000. */
  intervalMs?: number | undefined;
  /** A WAL file larger than this is truncated after a complete checkpoint, in bytes. Default 64 MiB. */
  truncateAboveBytes?: number | undefined;
  /** `'external'`: another program (Litestream) checkpoints; this library does not. Default `'self'`. */
  owner?: 'self' | 'external' | undefined;
  /** Where checkpoints run. Default `'worker'`: a worker thread, so that the event loop never waits for the disk. */
  thread?: 'worker' | 'main' | undefined;
}

export interface SentinelOptions {
  /** How often locks and files are checked, in milliseconds. Default 1000. */
  intervalMs?: number | undefined;
  /** Also check before each commit. Default `true`. */
  onCommit?: boolean | undefined;
}

export interface WriteOptions {
  /** At most this many writes share one commit. Default 256. */
  maxBatch?: number | undefined;
  /**
   * A batch whose functions have held the event loop for so long is committed with what it has, in milliseconds. One
   * function that takes longer is not cut off. Default 10.
   */
  maxBatchMs?: number | undefined;
  /** More waiting writes than this are refused with `WriteQueueFullError`. Default 10 000. */
  maxQueued?: number | undefined;
  /**
   * How long a write waits while another connection has the lock, or this one is kept occupied, in milliseconds; then
   * it rejects with `SqliteBusyError`. Default: what `timeout` is.
   */
  timeoutMs?: number | undefined;
  /** A write that met a lock more often than this rejects too. Default 10 000: by default the time decides. */
  retries?: number | undefined;
  /** Shortest wait between two tries, in milliseconds. Default 2. */
  minDelayMs?: number | undefined;
  /** Longest wait between two tries, in milliseconds. Default 100. */
  maxDelayMs?: number | undefined;
}

export interface ReaderOptions {
  /** At most this many reader processes. Default: the processor cores less one, at least 1. */
  max?: number | undefined;
  /** A reader process that had nothing to do for so long ends, in milliseconds. Default 60 000. */
  idleMs?: number | undefined;
  /**
   * How long one call takes at most, its wait for a reader included, in milliseconds; then its process is ended and it
   * rejects with `QueryTimeoutError`. Default 30 000: a query that reads pins the WAL.
   */
  timeoutMs?: number | undefined;
  /** More waiting calls than this are refused with `ReadQueueFullError`. Default 1000. */
  maxQueued?: number | undefined;
  /**
   * Path or `file:` URL of a module whose default export (or export `setup`) is called with the better-sqlite3 connection of each
   * reader before its first query: it registers the application's functions, aggregates, tables and extensions there.
   * The schema is then trusted to call them. Default: none.
   */
  setup?: string | URL | undefined;
  /**
   * Memory of one reader process, in bytes, that of Node included (some 60 MB). A query that needs more ends with its
   * process: `ResultTooLargeError`. Default 512 MiB, at least 128 MiB.
   */
  memoryBytes?: number | undefined;
}

export interface ScheduledBackupOptions {
  /** The folder that the backups are written to. */
  directory: string;
  /** Time between two backups, in milliseconds. Default 3 600 000 (an hour). */
  intervalMs?: number | undefined;
  /** How many are kept: the newest, and one a day and one a week beyond them. Default `{ newest: 24, daily: 7, weekly: 4 }`. */
  keep?: { newest?: number | undefined; daily?: number | undefined; weekly?: number | undefined } | undefined;
  /** How each backup is checked before it counts. Default `'quick'`. */
  verify?: 'quick' | 'full' | undefined;
}

/** Each value is a sentence that says why. It is logged at every open, so that nobody forgets. */
export interface DangerousOptions {
  /** Open on a network, cluster, virtual-machine or unknown FUSE filesystem, in rollback mode, one host at a time. */
  allowNetworkFilesystem?: string | undefined;
  /** Let SQL lower `synchronous`: commits may be lost when the power fails. */
  allowUnsyncedCommits?: string | undefined;
  /**
   * Accept that a power cut, or the end of the container, can take acknowledged commits or the whole database away there:
   * `health()` is then not `'degraded'` because of it. It changes nothing else.
   */
  allowNonDurableFilesystem?: string | undefined;
  /** Open with a SQLite that has a known corruption bug. */
  allowSqliteVersion?: string | undefined;
}
