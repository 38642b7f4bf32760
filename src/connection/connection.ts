/** Wraps one native handle of better-sqlite3 with its protections, its handles and its failures. */
import { performance } from '../base/clock';
import type { FileIdentity } from '../base/file-identity';
import { asError, errorCode } from '../base/foreign-error';
import { beginArgumentErrorAtCaller, isMadeByApplication } from '../base/own-frames';
import type { EventHub } from '../events/event-hub';
import { ClosedDatabaseError } from '../errors/refusals';
import { markRolledBack, SqliteResultError } from '../errors/sqlite-errors';
import { isSqliteFailure, translateError } from '../errors/translate';
import { adviceOf, isRefusal } from '../filesystem/refused-file';
import type { NativeDatabase } from '../native/better-sqlite3';
import { blockCheckpoint, type CheckpointBlocker } from '../native/close-without-checkpoint';
import type { ResolvedOptions } from '../options/resolved';
import type { Plan, PlanWarning } from '../policy/plan';
import { isAttachFailure } from './attachments';
import { CommitHooks } from './commit-hooks';
import { FaultCounters } from './fault-counters';
import { failedCommitFacts } from './failed-commit';
import { BusyTimeout } from './busy-timeout';
import type { ConnectionObserver } from './observer';
import {
  journalModeOf,
  journalModesOf,
  schemasOf,
  synchronousOf,
  type ProtectionInputs,
  type SynchronousLevel,
} from './set-pragmas';
import { armSession, type FailedOperation, type OpenIterator, type Session, type TransactionOwner } from './session';
import { UnsafeMode } from './unsafe-mode';
import type { Verbose } from './verbose';

type Native = NativeDatabase.Database;
type NativeStatement = NativeDatabase.Statement<unknown[]>;

/** The parts of a connection, assembled by `open/`. */
export interface ConnectionParts {
  readonly native: Native;
  readonly plan: Plan;
  readonly options: ResolvedOptions;
  readonly hub: EventHub;
  readonly verbose: Verbose;
}

/** A file in WAL mode that a connection has open. */
export interface WalFile {
  /** Canonical path. */
  readonly file: string;
  readonly identity: FileIdentity | null;
}

/** Names of protections that the application gave up; read when the pragmas are set. */
const unsyncedCommits = 'durable-commits';
const untrustedSchema = 'untrusted-schema';

/** What a check of every page found. */
export interface PageCheck {
  readonly ok: boolean;
  readonly level: 'quick' | 'full';
  /** ms of the monotonic clock. */
  readonly at: number;
  /** The first line of what SQLite found; `null` where it found nothing. */
  readonly problem: string | null;
}

export class Connection {
  readonly native: Native;
  readonly plan: Plan;
  readonly options: ResolvedOptions;
  readonly hub: EventHub;
  readonly verbose: Verbose;
  /** Called first by every statement that may commit. */
  readonly commitHooks = new CommitHooks();
  /** `unsafeMode` of all handles. */
  readonly unsafe: UnsafeMode;
  /** Counts failures of SQLite. */
  readonly faults = new FaultCounters();
  /** Result of the last check of every page that this process asked for; `null` before the first. */
  lastCheck: PageCheck | null = null;
  /** Set while functions of the application run inside a transaction that they must not end. */
  owner: TransactionOwner | null = null;
  /**
   * Called with the requested value of a `PRAGMA foreign_keys` that SQLite ignores because a transaction is open. May
   * throw.
   */
  onIgnoredForeignKeys: ((wanted: boolean) => void) | null = null;
  readonly busyTimeout: BusyTimeout;
  /** SQL can call functions of the application: what they throw is theirs, whatever it looks like. */
  callsApplication: boolean;

  #observer: ConnectionObserver | null = null;
  readonly #barriers = new Set<() => void>();
  readonly #verboseListener: Verbose['listener'];
  readonly #unseen: Verbose['quietly'];
  readonly #sessions = new Set<Session>();
  readonly #statements = new Map<string, NativeStatement>();
  readonly #givenUp = new Set<string>();
  readonly #warnings: PlanWarning[] = [];
  #holds: readonly CheckpointBlocker[] = [];
  #safeIntegers = false;
  #refusal: (() => Error) | null = null;
  /** For handles that are opened while the others are suspended. */
  #suspension: (() => Error) | null = null;

  constructor(parts: ConnectionParts) {
    this.native = parts.native;
    this.unsafe = new UnsafeMode(parts.native);
    this.plan = parts.plan;
    this.options = parts.options;
    this.hub = parts.hub;
    const { verbose } = parts;
    this.callsApplication = verbose.listener !== null;
    this.#verboseListener = verbose.listener;
    this.#unseen = run => verbose.quietly(run);
    this.verbose = { ...verbose, quietly: run => verbose.quietly(() => this.#asOurs(run)) };
    const setLockWait = (milliseconds: number): void => {
      const sql = `PRAGMA busy_timeout = ${milliseconds}`;
      const iterates = this.openIterators().next().done === false;
      // `exec` costs a tenth, but is refused while an iterator is open; this PRAGMA acts while it is prepared.
      this.verbose.quietly(() => (iterates ? this.native.prepare(sql) : this.native.exec(sql)));
    };
    this.busyTimeout = new BusyTimeout(parts.options.timeout, setLockWait, () => this.#armSessions());
    if (parts.options.dangerously.allowUnsyncedCommits !== null) this.#givenUp.add(unsyncedCommits);
  }

  /** Warnings about the filesystem at open, and later ones, each once. */
  get warnings(): readonly PlanWarning[] {
    return this.#warnings.length === 0 ? this.plan.warnings : [...this.plan.warnings, ...this.#warnings];
  }

  /** Keeps a warning for `health()`; the caller publishes it. */
  noteWarning(warning: PlanWarning): void {
    this.#warnings.push(warning);
  }

  /** Canonical path of the file, or better-sqlite3's name of a database without one. */
  get file(): string {
    return this.plan.file ?? this.native.name;
  }

  get protectionInputs(): ProtectionInputs {
    const { synchronous: durability, fullfsync } = this.plan;
    return { durability, fullfsync, platform: process.platform, givenUp: this.#givenUp };
  }

  /** Sets the observer of failures and refusals. Called once, by the services of the connection. */
  observe(observer: ConnectionObserver): void {
    this.#observer = observer;
  }

  /** Before a text that sets the journal mode. */
  beforeJournalSwitch(): void {
    this.#observer?.switchesJournal();
  }

  /** Makes every further call through any handle throw the error of `refusal`; the first refusal stays. */
  refuse(refusal: () => Error): void {
    if (this.#refusal !== null) return;
    this.#refusal = refusal;
    for (const session of this.#sessions) session.refusal ??= refusal;
    this.#armSessions();
    this.#observer?.refused();
  }

  /** After a text of the application that sets a journal mode. */
  journalModeSet(): void {
    this.#observer?.journalModeSet();
  }

  get refusal(): (() => Error) | null {
    return this.#refusal;
  }

  /** Like `refuse`, but only until the returned function is called. */
  suspend(refusal: () => Error): () => void {
    this.#suspension = refusal;
    for (const session of this.#sessions) session.refusal ??= refusal;
    this.#armSessions();
    return () => {
      this.#suspension = null;
      for (const session of this.#sessions) if (session.refusal === refusal) session.refusal = this.#refusal;
      this.#armSessions();
    };
  }

  /**
   * Makes each call for which `isTheirs` holds throw, until the returned function is called: for code that continues in
   * another turn of the event loop although its transaction has ended.
   */
  refuseCalls(isTheirs: () => boolean, refusal: () => Error): () => void {
    const barrier = (): void => {
      if (isTheirs()) throw refusal();
    };
    this.#barriers.add(barrier);
    this.#armSessions();
    return () => {
      this.#barriers.delete(barrier);
      this.#armSessions();
    };
  }

  openSession(): Session {
    const session: Session = {
      openIterators: new Set<OpenIterator>(),
      closed: false,
      refusal: this.#refusal ?? this.#suspension,
      before: null,
      commitHooks: this.commitHooks,
      unsafe: this.unsafe,
      failure: (error, operation) => this.failure(error, operation),
    };
    armSession(session, this.#beforeCalls());
    this.#sessions.add(session);
    return session;
  }

  /** Closes a handle: every further call through it throws `ClosedDatabaseError`. */
  closeSession(session: Session): void {
    this.#sessions.delete(session);
    session.closed = true;
    session.refusal = () => closedError(this.file);
    armSession(session, this.#beforeCalls());
  }

  /** Yields the open iterators of every handle; each holds a read transaction open. */
  *openIterators(): Generator<OpenIterator> {
    for (const session of this.#sessions) yield* session.openIterators;
  }

  /** After a PRAGMA of the application: reads the new timeout of its synchronous calls. */
  readBusyTimeout(): void {
    // Unlike `pragma()` it may run while an iterator is open.
    const answer = this.verbose.quietly(() => this.native.prepare('PRAGMA busy_timeout').pluck().get());
    this.busyTimeout.follow(Number(answer));
  }

  /**
   * Runs one of this library's transaction statements; each text is prepared once.
   *
   * `verbose` sees it only if better-sqlite3 itself would run it (`shown`): a listener that throws keeps SQLite from
   * running a statement, and a batch must end its transaction whatever a listener does.
   */
  execute(sql: string, shown = false): void {
    if (shown || this.#verboseListener === null) this.#execute(sql);
    else this.#unseen(() => this.#execute(sql));
  }

  #execute(sql: string): void {
    try {
      const begins = sql.startsWith('BEGIN');
      if (begins) this.commitHooks.beginning();
      else if (sql === 'COMMIT') this.commitHooks.ending();
      let statement = this.#statements.get(sql);
      if (statement === undefined) this.#statements.set(sql, (statement = this.native.prepare(sql)));
      const commitsToDisk = sql === 'COMMIT' && this.commitHooks.wrote && this.plan.file !== null;
      const start = commitsToDisk ? performance.now() : 0;
      const prepared = statement;
      if (this.unsafe.wanted) this.unsafe.own(() => prepared.run());
      else prepared.run();
      if (commitsToDisk) this.commitHooks.commitMs.add(performance.now() - start);
      if (begins) this.commitHooks.transactionIs(true, null, sql);
      else if (sql === 'COMMIT' || sql === 'ROLLBACK') this.commitHooks.transactionIs(false);
    } catch (error) {
      throw this.failure(error, { operation: sql.toLowerCase(), sql, commits: sql === 'COMMIT' });
    }
  }

  /** SQLite cannot be asked inside a user function: then only the database itself is known. */
  #attachedFiles(): readonly string[] {
    try {
      return this.verbose.quietly(() => schemasOf(this.native)).map(({ file }) => file);
    } catch {
      return [];
    }
  }

  failure(error: unknown, operation: FailedOperation): unknown {
    if (this.callsApplication && this.#isOfApplication(error)) return error;
    const translated = translateError(error, {
      file: this.file,
      operation: operation.operation,
      ...(isRefusal(error) ? adviceOf(error, this.plan.file, ...this.#attachedFiles()) : {}),
      ...(operation.sql === undefined ? {} : { sql: operation.sql }),
      entry: operation.entry,
      // Inside a transaction of the write queue only the queue itself commits, when no function runs.
      ...(operation.commits === true && this.owner === null
        ? failedCommitFacts(this, errorCode(error) ?? '', operation.sql ?? '')
        : {}),
    });
    if (translated instanceof SqliteResultError) {
      // Some failures make SQLite roll the whole transaction back.
      this.commitHooks.transactionIs(this.native.inTransaction);
      this.#observer?.failed(translated, operation);
      // A file that could not be attached is not one of this connection.
      if (!isAttachFailure(translated, this.native)) this.#countFault(translated);
      if (this.owner !== null && !this.native.inTransaction) this.owner.transactionLost(translated);
    } else beginArgumentErrorAtCaller(error);
    return translated;
  }

  #countFault(error: SqliteResultError): void {
    this.faults.count(error);
    const { obstacle } = error.details;
    if (obstacle === 'EDQUOT' || obstacle === 'ENOSPC') this.faults.foundNoRoom();
  }

  /** A failure of another database, which a function of the application has met and thrown on. */
  #isOfApplication(error: unknown): boolean {
    if (!isSqliteFailure(error)) return false;
    if (error instanceof SqliteResultError) {
      if (isAttachFailure(error, this.native)) return false;
      const { file } = error.details;
      return file !== undefined && file !== this.file;
    }
    return isMadeByApplication(error);
  }

  /**
   * Closes the native connection; an open transaction is rolled back.
   *
   * @throws TypeError while a statement runs, as in better-sqlite3; the connection is then still open.
   */
  close(): void {
    try {
      this.busyTimeout.restore();
      this.native.close();
    } catch (error) {
      throw this.failure(error, { operation: 'close' });
    }
  }

  /**
   * Closes the native connection without the checkpoint of an ordinary close; `files` are those in WAL mode.
   *
   * The connections that keep SQLite from checkpointing stay open until `releaseHolds`. Returns the obstacle, for
   * example a statement that is still running: then nothing has changed, and the call can be repeated.
   */
  abandon(files: readonly WalFile[]): Error | null {
    if (!this.native.open) return null;
    const { nativeBinding } = this.options;
    const holds = files.map(({ file, identity }) => blockCheckpoint(file, identity, nativeBinding));
    try {
      if (!holds.every(hold => hold.holds)) throw new Error(`No read-only connection to ${this.file} could be opened.`);
      for (const iterator of this.openIterators()) iterator.letGo();
      this.native.close();
      this.#holds = holds;
      return null;
    } catch (error) {
      for (const hold of holds) hold.release();
      return asError(error);
    }
  }

  /** After `abandon`, once no other connection of this library has the files open. */
  releaseHolds(): void {
    for (const hold of this.#holds) hold.release();
    this.#holds = [];
  }

  /**
   * Returns the journal modes of all files of the connection, as SQLite reports them: the application, and with a
   * rollback journal also another program, may have changed the planned ones. Returns the planned ones if SQLite cannot
   * be asked now.
   */
  journalModes(): readonly string[] {
    try {
      return this.verbose.quietly(() => journalModesOf(this.native));
    } catch {
      return [this.plan.journalMode ?? 'delete'];
    }
  }
  /** What the main database is committed with, asked of SQLite; what was planned where it cannot be asked now. */
  commitSettings(): { readonly journalMode: string; readonly synchronous: SynchronousLevel } | null {
    if (this.plan.file === null || !this.native.open) return null;
    try {
      return this.verbose.quietly(() => ({
        journalMode: journalModeOf(this.native, 'main'),
        synchronous: synchronousOf(this.native, 'main'),
      }));
    } catch {
      return null;
    }
  }

  /** Makes `enabled` the default of later statements: each handle has its own, SQLite has one. */
  useSafeIntegers(enabled: boolean): void {
    if (this.#safeIntegers === enabled) return;
    this.native.defaultSafeIntegers(enabled);
    this.#safeIntegers = enabled;
  }

  #armSessions(): void {
    const before = this.#beforeCalls();
    for (const session of this.#sessions) armSession(session, before);
  }

  /** Returns the first step of a call that is not refused; null if there is nothing to do. */
  #beforeCalls(): (() => void) | null {
    const { pending } = this.busyTimeout;
    if (this.#barriers.size === 0) return pending;
    return () => {
      for (const barrier of this.#barriers) barrier();
      pending?.();
    };
  }

  /**
   * Runs the library's own statements with the application's lock wait, and with integers as numbers whatever the
   * handles use.
   */
  #asOurs<Result>(run: () => Result): Result {
    this.busyTimeout.restore();
    if (!this.#safeIntegers) return this.unsafe.own(run);
    this.useSafeIntegers(false);
    try {
      return this.unsafe.own(run);
    } finally {
      this.useSafeIntegers(true);
    }
  }

  /** After the ROLLBACK that follows a failed COMMIT, which makes the outcome certain. */
  markRolledBackByFailure(error: unknown): void {
    if (error instanceof SqliteResultError && error.commitOutcome === undefined) markRolledBack(error);
  }

  /** Lets views, triggers and indexes call functions of the application, which an untrusted schema could not. */
  trustSchema(): void {
    if (this.#givenUp.has(untrustedSchema)) return;
    this.#givenUp.add(untrustedSchema);
    this.verbose.quietly(() => this.native.pragma('trusted_schema = ON'));
  }

  /** After `PRAGMA trusted_schema` of the application: if it was requested, it stays on. */
  followTrustedSchema(): void {
    const answer = this.verbose.quietly(() => this.native.prepare('PRAGMA trusted_schema').pluck().get());
    if (answer === 1) this.#givenUp.add(untrustedSchema);
  }
}

function closedError(file: string): ClosedDatabaseError {
  return new ClosedDatabaseError('The database connection is not open', {
    hint: `${file === '' ? 'The temporary database' : file} was closed through this handle; open it again, or close it later.`,
    details: { file },
  });
}
