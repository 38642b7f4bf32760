/** Holds what one or more handles share: the connection, its SQL guard, its services, and the teardown. */
import { atCaller } from '../base/own-frames';
import type * as Backups from '../backup/database-backups';
import type { FileIdentity } from '../base/file-identity';
import type { DatabaseEmitter } from '../events/event-map';
import type { Attachments } from '../connection/attachments';
import type { Connection } from '../connection/connection';
import type { Session } from '../connection/session';
import type { SqlGuard } from '../connection/sql-guard';
import type { DatabaseReaders } from '../readers/database-readers';
import { WriteQueue } from '../writes/write-queue';
import { withdrawInstance } from '../registry/shared-instances';
import type { Schedule } from '../backup/schedule';
import { errorCountersOf, type FilesystemErrors, type ReadErrors } from '../filesystem/linux/error-counters';
import { forgetOpen, rememberOpen } from './close-all';
import { tellOfLostWork, type ConnectionFile, type ConnectionServices } from './services';

/**
 * Change it when the shape of the shared connection changes in a way that another copy of the package could not use.
 */
export const sharedConnectionBrand = Symbol.for('safe-sqlite.open-database.v3');

export interface SharedConnectionParts {
  readonly connection: Connection;
  readonly sqlGuard: SqlGuard;
  readonly attachments: Attachments;
  /** The file name as given. */
  readonly givenName: string;
  /** The main file; `null` for a database without a file. */
  readonly file: ConnectionFile | null;
  readonly services: ConnectionServices;
  /** Leaves the registry; called once, after the native connection is closed. */
  readonly release: () => void;
}

export class SharedConnection {
  readonly connection: Connection;
  readonly guard: SqlGuard;
  readonly attachments: Attachments;
  readonly givenName: string;
  /** The key of the file in the registry; `''` for a database without a file. */
  readonly key: string;
  /** The opened file; `null` for a database without one. */
  readonly identity: FileIdentity | null;
  /** As SQLite reported it at open: `'wal'`, `'delete'`, …; `'memory'` for a database without a file. */
  readonly journalMode: string;
  readonly writes: WriteQueue;
  /** The readers of `db.reader`. */
  readonly readers: DatabaseReaders;
  readonly services: ConnectionServices;
  /** The scheduled backups; `null` if there are none. */
  readonly schedule: Schedule | null;
  readonly [sharedConnectionBrand] = true;
  readonly #release: () => void;
  readonly #handles = new Set<Session>();
  readonly #emitters = new WeakMap<Session, DatabaseEmitter>();
  #closing = false;
  /** Determined on first use: most programs never ask. */
  #readErrors: ReadErrors | null | undefined;

  constructor(parts: SharedConnectionParts) {
    this.connection = parts.connection;
    this.guard = parts.sqlGuard;
    this.attachments = parts.attachments;
    this.givenName = parts.givenName;
    this.key = parts.file?.key ?? '';
    this.identity = parts.file?.identity ?? null;
    this.journalMode = parts.file?.journalMode ?? 'memory';
    this.writes = new WriteQueue(parts.connection, parts.connection.options.writes);
    this.services = parts.services;
    this.readers = parts.services.readers;
    this.#release = parts.release;
    rememberOpen(this);
    this.schedule = parts.connection.options.backup === 'off' ? null : loadBackups().startScheduledBackups(this);
  }

  openHandle(): Session {
    const session = this.connection.openSession();
    this.#handles.add(session);
    return session;
  }

  /** Returns the emitter of a handle; each handle has its own. */
  eventsOf(session: Session): DatabaseEmitter {
    const known = this.#emitters.get(session);
    if (known !== undefined) return known;
    const { hub } = this.connection;
    const emitter = hub.openEmitter();
    if (!this.#handles.has(session)) hub.closeEmitter(emitter);
    this.#emitters.set(session, emitter);
    return emitter;
  }

  /**
   * Called after the application closed a handle. If the connection stays open, it must not keep the listeners: a module
   * that is loaded again opens its handle before the old one is closed, and would add a set with each reload.
   *
   * Not called for a handle that was garbage-collected: an application may hold nothing but the listener of an alert.
   */
  closeEvents(session: Session): void {
    const emitter = this.#emitters.get(session);
    if (emitter === undefined || this.#handles.has(session) || this.#handles.size === 0) return;
    this.connection.hub.closeEmitter(emitter);
  }

  /** Returns the errors counted by the file's filesystem; `null` if it counts none. */
  filesystemErrors(): FilesystemErrors | null {
    if (this.#readErrors === undefined) {
      this.#readErrors = errorCountersOf(this.connection.plan.filesystem?.evidence.mountId ?? null);
    }
    return this.#readErrors?.() ?? null;
  }

  /** True if `openDatabase` may return another handle: not while it closes, and not once it refuses every call. */
  get isShareable(): boolean {
    return !this.#closing && this.connection.refusal === null;
  }

  isOpen(session: Session): boolean {
    return this.#handles.has(session);
  }

  /**
   * Closes a handle, and the connection with the last one. A closed handle is ignored, and so is one whose `close()` is
   * on the stack: a listener of its final checkpoint, or of `closed`, has called again.
   *
   * Its queued writes run first; those that cannot are rejected. A transaction that it has begun itself is rolled back,
   * as in better-sqlite3's close: left open, it would take the writes of the other handles with it.
   *
   * @throws TypeError while the handle iterates or a statement runs, as in better-sqlite3; it is then still open.
   *   The storage fault that the final checkpoint met; it is closed then
   */
  closeHandle(session: Session): void {
    if (this.#closing || !this.#handles.has(session)) return;
    if (this.writes.isRunning || session.openIterators.size > 0) {
      throw atCaller(new TypeError('This database connection is busy executing a query'));
    }
    this.writes.finish(session);
    this.readers.leave(session, this.#handles.size === 1);
    if (this.#handles.size > 1 && this.connection.commitHooks.beganBy === session) {
      const told = tellOfLostWork(this.connection);
      this.connection.execute('ROLLBACK');
      told();
    }
    const failure = this.#handles.size === 1 ? this.#closeConnection() : null;
    this.#handles.delete(session);
    this.connection.closeSession(session);
    this.writes.abandon(session);
    forgetLeak(session);
    if (failure !== null) throw failure;
  }

  closeAll(): void {
    for (const session of this.#handles) this.closeHandle(session);
  }

  #closeConnection(): Error | null {
    this.#closing = true;
    try {
      return this.#teardown();
    } finally {
      this.#closing = false;
    }
  }

  /** Tears down an open, in reverse order. Nothing is torn down before SQLite agreed to close. */
  #teardown(): Error | null {
    const failure = this.services.close();
    this.writes.stop();
    void this.schedule?.stop();
    withdrawInstance(this);
    forgetOpen(this);
    this.attachments.releaseAll();
    this.#release();
    this.connection.hub.publish('closed', {});
    return failure;
  }
}

/** True for those of any copy of this package. */
export function isSharedConnection(value: unknown): value is SharedConnection {
  return typeof value === 'object' && value !== null && sharedConnectionBrand in value;
}

// Reports and closes, once each, handles that were garbage-collected without `close()`.

interface Leak {
  readonly database: SharedConnection;
  readonly session: Session;
}

/** Called some time after a handle, and every statement of it, has become unreachable. */
const collected = new FinalizationRegistry<Leak>(({ database, session }) => {
  if (!database.isOpen(session)) return;
  const { hub, file, plan } = database.connection;
  // An in-memory database has neither locks nor a WAL: users of better-sqlite3 drop it without close().
  if (plan.file !== null) {
    hub.publish('warning', {
      code: 'leaked-handle',
      message: `A handle on ${file} was garbage-collected without close(); its final checkpoint was delayed until now.`,
      details: {},
    });
  }
  try {
    database.closeHandle(session);
  } catch (error) {
    hub.publish('warning', {
      code: 'leaked-handle-not-closed',
      message: `The garbage-collected handle on ${file} could not be closed: ${String(error)}`,
      details: {},
    });
  }
});

/** Watches `handle` until it is collected or `forgetLeak` is called. `leak` must not refer to it. */
export function reportWhenLeaked(handle: object, leak: Leak): void {
  collected.register(handle, leak, leak.session);
}

/**
 * Called after a handle was closed. The registration refers to the connection, and the reason of an aborted signal in
 * there has a stack, whose frames refer to the handle that called `close()`: neither would ever be collected.
 */
export function forgetLeak(session: Session): void {
  collected.unregister(session);
}

// Loads the backup code on demand: most programs open a database long before they copy it.

/** `require`, not `import()`, which fails in Jest; and a schedule starts in the turn in which a database is opened. */
export function loadBackups(): typeof Backups {
  return require('../backup/database-backups') as typeof Backups;
}
