/** Holds the readers of one open database, created by the first call of `db.reader` and closed with the connection. */
import { keptAlive } from '../base/kept-alive';
import type { FileIdentity } from '../base/file-identity';
import type { Connection } from '../connection/connection';
import type { Session } from '../connection/session';
import { schemasOf } from '../connection/set-pragmas';
import { foldCase } from '../sql/names';
import { ReadCounters, type ReaderFacts } from './counters';
import { DatabaseReader } from './database-reader';
import type { OnlyHere } from './only-here';
import { nameOfDatabase } from './read-errors';
import { mostReaders, ReadPool } from './read-pool';
import { sourceOf, whyInThread } from './reader-source';

export class DatabaseReaders {
  readonly #connection: Connection;
  readonly #identity: () => FileIdentity | null;
  /** Names that the application has registered on its connection, lower case. */
  readonly #registered = new Set<string>();
  #extensions = false;
  #pool: ReadPool | null = null;

  constructor(connection: Connection, identity: () => FileIdentity | null) {
    this.#connection = connection;
    this.#identity = identity;
  }

  /** Returns the `db.reader` of one handle. */
  readerOf(owner: object, session: Session, safeIntegers: () => boolean): DatabaseReader {
    const { file, options } = this.#connection;
    const { readers } = options;
    const timeoutMs = readers === 'off' ? 0 : readers.timeoutMs;
    return new DatabaseReader({ session, owner, file, pool: () => this.#start(), timeoutMs, safeIntegers });
  }

  /** Called after the application has registered an object that its SQL may call; `null` for an extension library. */
  noteRegistered(name: string | null): void {
    if (name === null) this.#extensions = true;
    else this.#registered.add(foldCase(name));
  }

  facts(): ReaderFacts {
    if (this.#pool !== null) return this.#pool.facts();
    const { readers } = this.#connection.options;
    const off = readers === 'off';
    const obstacle = off ? null : whyInThread(this.#connection);
    const mode = off ? 'off' : obstacle === null ? 'processes' : 'thread';
    const none = { processes: 0, busy: 0, queued: 0, oldestMs: null, running: [] };
    return new ReadCounters().facts({ mode, obstacle, max: off ? 0 : mostReaders(readers), ...none });
  }

  /** Called after a fence, or when the files were lost: ends every reader. */
  refuse(): void {
    const { refusal } = this.#connection;
    if (refusal !== null) this.#pool?.refuse(refusal);
  }

  /** Ends idle readers: even an idle one keeps a lock, with which SQLite refuses to leave WAL mode. */
  rest(): void {
    this.#pool?.rest();
  }

  /** Resolves when the reads of a handle have ended. */
  async settled(session: Session): Promise<void> {
    // An awaited close is not lost, even where only a snapshot or a loop is left that nothing else keeps alive.
    if (this.#pool !== null) await keptAlive(this.#pool.leave(session));
  }

  /** Ends the reads of a closing handle; with the last handle every reader, and waits until their locks are gone. */
  leave(session: Session, last: boolean): void {
    if (!last) return this.#pool?.abandon(session);
    this.#pool?.close();
    // If SQLite refuses the close, the handle stays open: its next read starts anew.
    this.#pool = null;
  }

  #start(): ReadPool | null {
    if (this.#pool !== null) return this.#pool;
    const connection = this.#connection;
    const { readers } = connection.options;
    if (readers === 'off') return null;
    const inThread = whyInThread(connection);
    if (inThread !== null) {
      connection.hub.publish('warning', {
        code: 'readers-in-thread',
        message:
          `db.reader reads ${nameOfDatabase(connection.file)} in the application's thread, ` +
          `in steps that block its event loop and cannot be stopped: ${inThread}.`,
        details: { reason: inThread },
      });
    }
    const source = sourceOf(connection, this.#identity(), readers, inThread);
    this.#pool = new ReadPool(connection, readers, source, () => this.#onlyHere());
    return this.#pool;
  }

  /** What a reader lacks; looked up only for the hint of an error. */
  #onlyHere(): OnlyHere {
    const { native, verbose } = this.#connection;
    const schemas = native.open ? verbose.quietly(() => schemasOf(native)).map(({ name }) => name) : [];
    return {
      registered: this.#registered,
      extensions: this.#extensions,
      attached: schemas.filter(name => name !== 'main' && name !== 'temp'),
      temporary: schemas.includes('temp'),
    };
  }
}
