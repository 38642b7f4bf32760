/** Runs the services of one open database, and its teardown: the sentinel, the scheduler of each file, the fence. */
import { inMicrotask, performance } from '../base/clock';
import { asError, errorName } from '../base/foreign-error';
import { checkpointBeforeClose, type CloseMode } from '../checkpoint/close-checkpoint';
import type { FileScheduler, CheckpointedFile } from '../checkpoint/scheduler';
import { forgetScheduler, schedulerOf } from '../checkpoint/schedulers';
import type { FileUser } from '../checkpoint/file-user';
import type { Connection } from '../connection/connection';
import { ConnectionFence } from '../fence/connection-fence';
import { blockCheckpoint, type CheckpointBlocker } from '../native/close-without-checkpoint';
import type { OpenedFiles } from '../proc/opened-files';
import { DatabaseReaders } from '../readers/database-readers';
import { startConnectionSentinel, type ConnectionSentinel } from '../sentinel/connection-sentinel';
import { quotedName } from '../base/sql-name';
import { foldCase } from '../sql/names';
import type { EventHub } from '../events/event-hub';
import type { RunningRead } from '../events/event-map';
import { filesOfOtherThreads } from '../registry/thread-table';

/** A file that the connection has open, as the main database or attached. */
export interface ConnectionFile extends CheckpointedFile {
  readonly schema: string;
  /** Result of `PRAGMA journal_mode`. */
  readonly journalMode: string;
}

interface ServedFile {
  file: ConnectionFile;
  readonly user: FileUser & { checkpoints: boolean };
  readonly scheduler: FileScheduler;
  readonly leaveFence: () => void;
}

export class ConnectionServices {
  readonly #connection: Connection;
  /** `null` if it is switched off, and for a database without a file. */
  readonly sentinel: ConnectionSentinel | null;
  /** The readers of `db.reader`. */
  readonly readers: DatabaseReaders;
  readonly #files = new Map<string, ServedFile>();
  #schedulers: readonly FileScheduler[] = [];
  readonly #fence: ConnectionFence;
  /** The sentinel has just checked the only file, and the checkpoint that follows need not ask again. */
  #isChecked = false;

  constructor(connection: Connection) {
    const { sentinel, rescueDirectory, nativeBinding } = connection.options;
    this.#connection = connection;
    this.sentinel =
      sentinel === 'off' || connection.plan.file === null
        ? null
        : startConnectionSentinel(connection, { ...sentinel, rescueDirectory, nativeBinding });
    this.readers = new DatabaseReaders(connection, () => this.#files.get('main')?.file.identity ?? null);
    const fence = new ConnectionFence(connection, {
      walFiles: () => this.#walFiles(),
      released: () => this.sentinel?.stop(),
    });
    this.#fence = fence;
    connection.observe({
      failed: (error, operation) => fence.failed(error, operation),
      journalModeSet: () => this.#followJournalModes(),
      switchesJournal: () => this.readers.rest(),
      // A connection that has lost its locks or files must not be checkpointed either.
      refused: () => {
        for (const { scheduler, user } of this.#files.values()) scheduler.leave(user);
        this.readers.refuse();
      },
    });
  }

  /** The scheduler of the main file; `null` for a database without a file. */
  get scheduler(): FileScheduler | null {
    return this.#files.get('main')?.scheduler ?? null;
  }

  /** Called after SQLite has opened the file and read from it; `opened`: what was seen of it since. */
  add(file: ConnectionFile, opened: OpenedFiles | null = null): void {
    const connection = this.#connection;
    const { schema, identity } = file;
    if (identity !== null) this.sentinel?.add(file.file, identity, file.journalMode, opened);
    const checkpoints = file.journalMode === 'wal' && !connection.plan.readonly;
    const reads = (): readonly RunningRead[] => (schema === 'main' ? this.readers.facts().running : []);
    const beforeCheckpoint = (): Error | null => this.#beforeCheckpoint(file.file);
    const entersWal = (): void => this.#entersWal(schema);
    const user = { connection, schema, file: file.file, checkpoints, reads, beforeCheckpoint, entersWal };
    const scheduler = schedulerOf(file);
    scheduler.join(user);
    const leaveFence = this.#fence.join(file);
    this.#files.set(foldCase(schema), { file, user, scheduler, leaveFence });
    this.#schedulers = [...this.#schedulers, scheduler];
    warnOfThreads(connection.hub, file);
    if (checkpoints) connection.commitHooks.onCommit(commits => this.#pulse(commits));
  }

  /** Wraps DETACH, which closes the file of the schema: the errors of its final checkpoint must be reported too. */
  aroundDetach<Result>(schema: string, detach: () => Result): Result {
    const supervised = this.#files.get(foldCase(schema));
    // Inside a transaction SQLite refuses both.
    if (supervised === undefined || this.#connection.native.inTransaction) return detach();
    const { user, scheduler, file } = supervised;
    let hold: CheckpointBlocker | null = null;
    try {
      const way = checkpointBeforeClose(user, scheduler, 'name');
      const { nativeBinding } = this.#connection.options;
      if (way === 'without-checkpoint') hold = blockCheckpoint(file.file, file.identity, nativeBinding);
      return detach();
    } catch (error) {
      scheduler.resume();
      throw error;
    } finally {
      hold?.release();
    }
  }

  /** After DETACH. */
  remove(schema: string): void {
    const supervised = this.#files.get(foldCase(schema));
    if (supervised === undefined) return;
    const { file, user, scheduler, leaveFence } = supervised;
    this.#files.delete(foldCase(schema));
    this.#schedulers = [...this.#files.values()].map(each => each.scheduler);
    this.sentinel?.remove(file.file);
    leaveFence();
    if (scheduler.leave(user) === 0) forgetScheduler(scheduler);
  }

  /**
   * Runs the final checkpoint and closes the connection, or closes it without one if no checkpoint may follow.
   *
   * Returns the fault met on the way; the connection is closed in any case.
   *
   * @throws TypeError while a statement runs; the connection is then still open
   */
  close(): Error | null {
    const failure = this.#closeConnection();
    const running = this.#schedulers.flatMap(scheduler => scheduler.running ?? []);
    // The connection's locks are gone with it, which is no finding.
    this.sentinel?.stop();
    for (const schema of this.#files.keys()) this.remove(schema);
    this.#releaseHolds(running);
    return failure;
  }

  #closeConnection(): Error | null {
    const connection = this.#connection;
    if (this.#fence.isFenced) return this.#closeFenced();
    // Closed without a checkpoint: by an earlier call that failed afterwards.
    if (!connection.native.open) return this.#closeOrdinarily();
    // Its checkpoint is the last chance to detect overwritten files.
    for (const { user, file } of this.#files.values()) if (user.checkpoints) this.#beforeCheckpoint(file.file);
    // The sentinel that disabled it keeps it from checkpointing.
    if (connection.refusal !== null) {
      this.sentinel?.rescueAtLast();
      return this.#closeOrdinarily();
    }
    const supervised = [...this.#files.values()];
    try {
      this.#isChecked = this.#checkpointsNext;
      this.#rollBack();
      const ways: CloseMode[] = [];
      for (const { file, user, scheduler } of supervised) {
        const isEmpty = this.#isChecked && this.sentinel?.nothingToCopy(file.file) === true;
        ways.push(checkpointBeforeClose(user, scheduler, 'connection', isEmpty));
        // The fence of one file has closed the connection: no other file can be checkpointed.
        if (this.#fence.isFenced) return this.#closeFenced();
      }
      if (ways.includes('without-checkpoint')) connection.abandon(this.#walFiles());
      return this.#closeOrdinarily();
    } catch (error) {
      if (!this.#fence.isFenced) {
        for (const { scheduler } of supervised) scheduler.resume();
        throw error;
      }
      return asError(error);
    } finally {
      this.#isChecked = false;
    }
  }

  /** True if the final checkpoint follows on what comes before it: nothing is rolled back, copied or waited for in between. */
  get #checkpointsNext(): boolean {
    return this.#files.size === 1 && this.scheduler?.running === null && !this.#connection.native.inTransaction;
  }

  #beforeCheckpoint(file: string): Error | null {
    const isChecked = this.#isChecked;
    this.#isChecked = false;
    return isChecked ? null : (this.sentinel?.beforeCheckpoint(file) ?? null);
  }

  /** Never an ordinary close, which would checkpoint. */
  #closeFenced(): null {
    this.#fence.close();
    return null;
  }

  #closeOrdinarily(): null {
    if (this.#connection.native.open) this.#connection.close();
    return null;
  }

  /** Closing rolls back, and a checkpoint cannot run inside a transaction. */
  #rollBack(): void {
    const { native, verbose } = this.#connection;
    try {
      if (!native.inTransaction) return;
      const told = tellOfLostWork(this.#connection);
      verbose.quietly(() => native.exec('ROLLBACK'));
      told();
    } catch (error) {
      // A transaction that SQLite cannot roll back now is rolled back by its close or by the next open.
      if (errorName(error) === 'TypeError') throw error;
    }
  }

  /** They keep a checkpoint of the maintenance thread from being the last connection; it closes soon. */
  #releaseHolds(running: readonly Promise<unknown>[]): void {
    const release = (): void => this.#connection.releaseHolds();
    if (running.length === 0) release();
    else void Promise.all(running).then(release);
  }

  /** The application may switch the mode of any file: checkpoints, limits and the sentinel follow at once. */
  #followJournalModes(): void {
    const { native, verbose, plan } = this.#connection;
    for (const served of this.#files.values()) {
      const { file, user, scheduler } = served;
      const journalMode = verbose.quietly(() => journalModeOf(native, file.schema));
      if (journalMode === null || journalMode === file.journalMode) continue;
      served.file = { ...file, journalMode };
      user.checkpoints = journalMode === 'wal' && !plan.readonly;
      this.sentinel?.follow(file.file, journalMode);
      if (user.checkpoints) this.#connection.commitHooks.onCommit(commits => this.#pulse(commits));
      scheduler.resume();
    }
  }

  #entersWal(schema: string): void {
    const supervised = this.#files.get(foldCase(schema));
    if (supervised === undefined) return;
    const { file } = supervised.file;
    supervised.file = { ...supervised.file, journalMode: 'wal' };
    supervised.user.checkpoints = true;
    this.sentinel?.follow(file, 'wal');
    this.#connection.commitHooks.onCommit(commits => this.#pulse(commits));
    this.#connection.hub.publish('warning', {
      code: 'journal-mode-switched',
      message: `Another program has switched ${file} from a rollback journal to WAL mode; this process checkpoints it from now on.`,
      details: { file, schema },
    });
  }

  /** A read-only connection is closed like any other: it never checkpoints. */
  #walFiles(): readonly ConnectionFile[] {
    return [...this.#files.values()].filter(({ user }) => user.checkpoints).map(({ file }) => file);
  }

  #pulse(commits: boolean): void {
    for (const scheduler of this.#schedulers) scheduler.pulse(commits);
    if (this.#connection.refusal !== null) throw this.#connection.refusal();
  }
}

/** Null if SQLite cannot be asked now: a statement that called back into JavaScript is still running. */
function journalModeOf(native: Connection['native'], schema: string): string | null {
  try {
    return String(native.pragma(`${quotedName(schema)}.journal_mode`, { simple: true }));
  } catch {
    return null;
  }
}

/**
 * Remembers the open transaction, and returns a function that reports its rollback: with a forgotten COMMIT every call
 * has returned, and nothing is stored.
 */
export function tellOfLostWork({ commitHooks, hub, file, owner }: Connection): () => void {
  const { open, wrote } = commitHooks;
  if (open === null || !wrote || owner !== null) return () => {};
  const ageMs = performance.now() - open.since;
  const began = open.sql === null ? '' : ` (begun by ${open.sql.slice(0, 200)})`;
  return () =>
    hub.publish('warning', {
      code: 'transaction-rolled-back',
      message: `A transaction on ${file} that had written and was open for ${Math.round(ageMs)} ms${began} was rolled back by close(): nothing of it is stored. Search for a BEGIN without a COMMIT.`,
      details: { ageMs, sql: open.sql },
    });
}

// Warns of a database with a rollback journal that several threads of this process have open.

/**
 * With WAL every connection keeps a lock, and SQLite never closes a descriptor while this process has one. With a
 * rollback journal it has none between two transactions, and a connection that one thread closes can cancel the locks
 * that another thread is just taking (docs/decisions/0006).
 */
export function warnOfThreads(
  hub: EventHub,
  { key, file, journalMode }: { readonly key: string; readonly file: string; readonly journalMode: string },
): void {
  if (journalMode === 'wal') return;
  const threads = filesOfOtherThreads().filter(other => other.key === key);
  const [first] = threads;
  // The second thread reports it, and only once.
  if (first === undefined || threads.length > 1) return;
  // Deferred to give the caller the chance to listen.
  inMicrotask(() =>
    hub.publish('warning', {
      code: 'rollback-journal-in-several-threads',
      message:
        `${file} has a rollback journal and is open in several threads of this process: a connection that one of them ` +
        'closes can cancel the locks of the others. Use WAL, or open it in one thread only.',
      details: { file, journalMode, otherThread: first.thread },
    }),
  );
}
