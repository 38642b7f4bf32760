/** Defines the `Database` class: the surface of better-sqlite3, and the members that this library adds. */
import { atCaller } from '../base/own-frames';
import { inspect } from 'node:util';
import { markOriginal } from '../base/original';
import type { BackupResult, BackupOptions } from '../backup/options';
import type { SnapshotOptions, SnapshotOutcome } from '../backup/snapshot';
import type { VerifyReport } from '../backup/verify';
import { requestCheckpoint } from '../checkpoint/request';
import type { Connection } from '../connection/connection';
import { isTrusted } from '../connection/native-gaps';
import type { Session } from '../connection/session';
import { withoutWalMark } from '../connection/serialize';
import { makeTransaction, transactionHost } from '../connection/transaction';
import type {
  AggregateOptions,
  DropInDatabase,
  PragmaOptions,
  RegistrationOptions,
  SerializeOptions,
  StatementFor,
  Transaction,
  VariableArgFunction,
  VirtualTableOptions,
} from '../connection/types';
import type { DatabaseEmitter } from '../events/event-map';
import type { CheckpointMode, CheckpointResult } from '../maintenance/messages';
import type { Options } from '../options/options';
import type { Plan } from '../policy/plan';
import type { DatabaseReader } from '../readers/database-reader';
import type { WriteCallOptions } from '../writes/queued-write';
import { isSharedConnection, type SharedConnection, reportWhenLeaked, loadBackups } from '../open/shared-connection';
import type { DatabaseHealth } from '../health/health';
import { healthOfOpen } from '../health/gather';
import { metricsText } from '../health/prometheus';
import { ownProperties } from './own-properties';
import { attempt, execText, explainText, pragmaText, prepareText, type TextHandle } from './sql-calls';
import { openOwn } from '../open/open';

const ownGetters = Symbol('own getters');

/** One handle on a database: better-sqlite3's `Database`, with the protections and members of this library. */
export class Database implements DropInDatabase {
  /** @internal */
  static [ownGetters](): PropertyDescriptorMap {
    return ownProperties<Database>({
      name: db => db.#open.givenName,
      open: db => db.#open.isOpen(db.#session),
      inTransaction: db => db.#open.isOpen(db.#session) && db.#native.inTransaction,
      readonly: db => db.#native.readonly,
      memory: db => db.#native.memory,
    });
  }

  readonly #open: SharedConnection;
  readonly #connection: Connection;
  readonly #session: Session;
  readonly #handle: TextHandle;
  #safeIntegers = false;
  #reader: DatabaseReader | null = null;

  /** The file name as given. */
  declare readonly name: string;
  /** True until `close()`. */
  declare readonly open: boolean;
  /** True while a transaction is open on the connection. */
  declare readonly inTransaction: boolean;
  /** The connection cannot write. */
  declare readonly readonly: boolean;
  /** True for an in-memory or temporary database. */
  declare readonly memory: boolean;

  /**
   * Opens a connection of its own, as in better-sqlite3.
   *
   * @throws InvalidOptionError, UnsafeFilesystemError, HardLinkedDatabaseError, OrphanedJournalError,
   *   SqliteCopyConflictError, UnsafeSqliteVersionError, and the failures of SQLite
   */
  constructor(filename?: string | Buffer, options?: Options) {
    // `openDatabase` passes an open connection; no other code can create one.
    const handed: unknown = filename;
    this.#open = isSharedConnection(handed) ? handed : openOwn(filename, options);
    this.#connection = this.#open.connection;
    this.#session = this.#open.openHandle();
    this.#handle = { database: this, open: this.#open, session: this.#session };
    reportWhenLeaked(this, { database: this.#open, session: this.#session });
    Object.defineProperties(this, properties);
    markOriginal(this);
  }

  /** The reasons for how the database is opened: filesystem, journal mode, synchronous level, warnings. */
  get plan(): Plan {
    return this.#connection.plan;
  }

  /**
   * Typed events of the connection. Listeners run synchronously and cannot harm the database.
   *
   * The listeners belong to this handle: after its `close()` they get no more events, even if other handles keep the
   * connection open. `closed` is the end of the connection: the handle that closes last gets it.
   *
   * @example db.events.on('fenced', ({ reason }) => console.error(reason));
   */
  get events(): DatabaseEmitter {
    return this.#open.eventsOf(this.#session);
  }

  /**
   * Returns the current state of the database: facts, and `status` with a reason for each problem.
   *
   * `'degraded'`: it works, but needs attention. `'fenced'`: it does not work until an operator acts.
   */
  health(): DatabaseHealth {
    if (!this.open) this.#assertUsable();
    return healthOfOpen(this.#open);
  }

  /**
   * Returns the numbers of `health()` as Prometheus text; `name` is the value of the label `database`.
   *
   * For several databases on one page: `metricsText`.
   */
  metrics(name = 'main'): string {
    return metricsText({ [name]: this });
  }

  /** Prepares one statement. */
  prepare<BindParameters extends unknown[] | object = unknown[], Result = unknown>(
    source: string,
  ): StatementFor<BindParameters, Result> {
    this.#connection.useSafeIntegers(this.#safeIntegers);
    // The caller states the types of parameters and rows, as in better-sqlite3's types.
    return prepareText(this.#handle, source) as unknown as StatementFor<BindParameters, Result>;
  }

  /** Runs every statement of `source`; their rows are not returned. */
  exec(source: string): this {
    execText(this.#handle, source);
    return this;
  }

  /** Runs `PRAGMA source` and returns its rows, or with `simple` its first value. */
  pragma(source: string, options?: PragmaOptions): unknown {
    this.#connection.useSafeIntegers(this.#safeIntegers);
    return pragmaText(this.#handle, source, options);
  }

  /** Returns the rows of `EXPLAIN source`. */
  explain(source: string): unknown[] {
    this.#connection.useSafeIntegers(this.#safeIntegers);
    return explainText(this.#handle, source);
  }

  /** Wraps `fn` in a transaction; nested calls become savepoints. */
  transaction<F extends VariableArgFunction>(fn: F): Transaction<F> {
    if (typeof fn === 'function' && this.#session.closed) this.#assertUsable();
    return makeTransaction(transactionHost(this, this.#connection, this.#session), fn);
  }

  /**
   * Runs the synchronous function `fn`, which uses this same `db`, in a durable IMMEDIATE transaction that it shares
   * with other concurrent writes, and resolves with its result after their common COMMIT.
   *
   * A function that throws is rolled back alone. `fn` may run more than once before its promise settles. A lock of
   * another connection is waited for without blocking the event loop. docs/write-queue.md has the details.
   *
   * @throws TypeError inside another write function; every other failure rejects the promise: the error of `fn`,
   *   SqliteBusyError, WriteQueueFullError, ClosedDatabaseError, FencedDatabaseError, the failures of SQLite
   * @example const insert = db.prepare('INSERT INTO t VALUES (?)'); const { changes } = await db.write(() =>
   * insert.run('stored when this resolves'));
   */
  write<Result>(fn: () => Result, options?: WriteCallOptions): Promise<Result> {
    return this.#open.writes.write(this, this.#session, fn, options) as Promise<Result>;
  }

  /**
   * Reads off the event loop, in reader processes that can be stopped: `all`, `get`, `iterate`, `snapshot`.
   *
   * Reads see committed data only, including every write whose `db.write` has resolved. A query that exceeds its
   * `timeoutMs`, or whose `signal` aborts, is terminated with its process; writes, checkpoints and other reads
   * continue. docs/reader.md has the details.
   */
  get reader(): DatabaseReader {
    return (this.#reader ??= this.#open.readers.readerOf(this, this.#session, () => this.#safeIntegers));
  }

  /** Returns the database as one Buffer, including the WAL; `new Database(buffer)` opens it again. */
  serialize(options?: SerializeOptions): Buffer {
    return attempt(this.#session, { operation: 'serialize' }, () => withoutWalMark(this.#native.serialize(options)));
  }

  /**
   * Copies the WAL into the database, off the event loop; `'truncate'` then also empties the `-wal` file.
   *
   * It never waits for readers: `complete` tells whether all frames are in the database. It rejects with
   * SqliteLockedError inside a transaction of this connection, and with the error of a failed checkpoint:
   * docs/checkpoints.md.
   *
   * @example const { complete, walBytes } = await db.checkpoint('truncate');
   */
  checkpoint(mode?: CheckpointMode): Promise<CheckpointResult> {
    return requestCheckpoint(this.#connection, this.#open.services.scheduler, mode, () => this.#assertUsable());
  }

  /**
   * Copies the database to `destination`, off the event loop, and resolves only once a verified, synced file is in
   * place; otherwise it rejects and leaves the destination unchanged: with `BackupError`, or as better-sqlite3 does with a
   * `TypeError` for a wrong argument, a folder that does not exist or a closed handle, and with what `progress` throws.
   *
   * An in-memory database is copied in the calling thread, since no other thread can see it.
   *
   * @example const { path, bytes, sha256 } = await db.backup('copy.db', { verify: 'full' });
   */
  backup(destination: string, options?: BackupOptions): Promise<BackupResult> {
    if (this.#session.refusal !== null) return Promise.reject(this.#session.refusal());
    return loadBackups().backUp(this.#open, destination, options);
  }

  /**
   * Takes a verified snapshot, runs `change` in one transaction, checks the database, and commits only if it is sound.
   *
   * `change` is synchronous and ends no transaction. For a migrator that is async or makes its own transactions pass `{
   * transaction: 'own' }`: then nothing is rolled back, and the snapshot is what you restore.
   *
   * @throws BackupError (a rejection) that names the snapshot; `details.outcome` tells what is stored: `'not-begun'`,
   *   `'rolled-back'`, `'unknown'`. InvalidOptionError for an async change in one transaction, which is not called.
   *   SqliteLockedError inside a transaction of this connection, which would include the change
   * @example const { snapshot } = await db.withSnapshot(() => db.exec(migration), { foreignKeys: 'off' });
   */
  withSnapshot<Value>(change: () => Value, options?: SnapshotOptions): Promise<SnapshotOutcome<Awaited<Value>>> {
    if (this.#session.refusal !== null) return Promise.reject(this.#session.refusal());
    return loadBackups().changeWithSnapshot(this.#open, change, options);
  }

  /**
   * Checks the file off the event loop: `'quick'` (default) reads every page, `'full'` also compares indexes with
   * tables.
   *
   * Damage is reported (`ok: false`), not thrown.
   */
  verify(level?: 'quick' | 'full'): Promise<VerifyReport> {
    if (this.#session.refusal !== null) return Promise.reject(this.#session.refusal());
    return loadBackups().verifyOpen(this.#connection, level);
  }

  /** Attaches another database under the same checks and protections as this one. */
  attach(file: string, name: string): this {
    attempt(this.#session, { operation: 'attach' }, () => this.#open.attachments.attach(file, name));
    return this;
  }

  /** Detaches a database that `attach` or SQL attached as `name`. */
  detach(name: string): this {
    attempt(this.#session, { operation: 'detach' }, () => this.#open.attachments.detach(name));
    return this;
  }

  /** Registers a function that SQL of this connection can call, as better-sqlite3 does. */
  function(name: string, fn: VariableArgFunction): this;
  function(name: string, options: RegistrationOptions, fn: VariableArgFunction): this;
  function(name: string, options: RegistrationOptions | VariableArgFunction, fn?: VariableArgFunction): this {
    return this.#register('function', isTrusted(options), name, native => {
      if (fn === undefined) native.function(name, options as VariableArgFunction);
      else native.function(name, options as RegistrationOptions, fn);
    });
  }

  /** Registers an aggregate or window function. */
  aggregate<T>(name: string, options: AggregateOptions<T>): this {
    return this.#register('aggregate', isTrusted(options), name, native => native.aggregate(name, options));
  }

  /** Registers a virtual table. */
  table(name: string, definition: VirtualTableOptions): this {
    return this.#register('table', isTrusted(definition), name, native => native.table(name, definition));
  }

  /** Loads an extension library; `entryPoint` only if it is not the default one. */
  loadExtension(...args: [path: string, entryPoint?: string]): this {
    return this.#register('loadExtension', true, null, native => native.loadExtension(...(args as [string])));
  }

  /** Makes integers of this handle's later statements bigints. */
  defaultSafeIntegers(toggle?: boolean): this {
    if (toggle !== undefined && typeof toggle !== 'boolean') {
      throw atCaller(new TypeError('Expected first argument to be a boolean'));
    }
    this.#safeIntegers = toggle ?? true;
    return this;
  }

  /**
   * Lets statements write while an iterator is open, through every handle of the connection. Default: true.
   *
   * Unlike better-sqlite3's it takes no protection away: the guard stays, and so does SQLITE_DBCONFIG_DEFENSIVE.
   *
   * @throws TypeError for what is no boolean; ClosedDatabaseError
   * @example
   * db.unsafeMode();
   * for (const row of db.prepare('SELECT 1').iterate()) db.exec('DELETE FROM t');
   */
  unsafeMode(...toggle: [boolean?]): this {
    this.#assertUsable();
    const [wanted = true] = toggle;
    // Also `undefined`, as in better-sqlite3.
    if (toggle.length > 0 && typeof toggle[0] !== 'boolean')
      throw atCaller(new TypeError('Expected first argument to be a boolean'));
    this.#connection.unsafe.wanted = wanted;
    return this;
  }

  /** Closes this handle; the connection closes with its last handle. */
  close(): this {
    this.#open.closeHandle(this.#session);
    this.#open.closeEvents(this.#session);
    return this;
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Waits for the queued writes and the reads of this handle, at most until their time limits, without blocking the
   * event loop, then closes it. `close()` ends them instead.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#open.writes.leave(this.#session), this.#open.readers.settled(this.#session)]);
    this.close();
  }

  [inspect.custom](): object {
    return Object.assign(new (function Database() {} as unknown as new () => object)(), this);
  }

  get #native() {
    return this.#connection.native;
  }

  #assertUsable(): void {
    if (this.#session.before !== null) this.#session.before();
  }

  /** Registers an object that SQL can call; if the schema may call it, the schema becomes trusted. */
  #register(
    operation: string,
    trusts: boolean,
    name: string | null,
    register: (native: Connection['native']) => void,
  ): this {
    this.#connection.useSafeIntegers(this.#safeIntegers);
    attempt(this.#session, { operation }, () => register(this.#native));
    this.#connection.callsApplication = true;
    this.#open.readers.noteRegistered(name);
    if (trusts) this.#connection.trustSchema();
    return this;
  }
}

/**
 * Outside the class, as in connection/statement.ts: esbuild breaks static private fields when it lowers private names.
 */
const properties = Database[ownGetters]();
