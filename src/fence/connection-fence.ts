/**
 * Connects one connection with the fence of its files: judges its failures, and closes it when one of its files is
 * fenced.
 *
 * The path of a fault: `Connection.failure` --> `failed` --> judge-failure.ts --> policy/fence.ts --> fence.ts, which
 * refuses every connection of the file, notifies the other threads and writes the marker, and then calls `#letGo` of
 * each.
 */
import { setImmediate } from '../base/clock';
import type { FileIdentity } from '../base/file-identity';
import type { Connection, WalFile } from '../connection/connection';
import type { FailedOperation } from '../connection/session';
import type { SqliteResultError } from '../errors/sqlite-errors';
import { operationKind } from './failed-operation';
import { faultOf, fenceFiles, joinFence, type FencedFile, type FenceFault } from './fence';
import { judgeFailure } from './judge-failure';
import { keepUntilClosed } from './unclosed-connections';

/** The part of the connection's services that the fence needs. */
export interface FencedServices {
  /** The files in WAL mode that an ordinary close would checkpoint. */
  walFiles(): readonly WalFile[];
  /** The native connection is closed: its locks are gone, which the sentinel must not report. */
  released(): void;
}

interface JoinedFile extends FencedFile {
  readonly identity: FileIdentity | null;
}

export class ConnectionFence {
  readonly #connection: Connection;
  readonly #services: FencedServices;
  /** In the order in which they were opened: the main file is the first. */
  readonly #files = new Set<FencedFile>();
  #fenced = false;

  constructor(connection: Connection, services: FencedServices) {
    this.#connection = connection;
    this.#services = services;
  }

  /** Makes the connection fall with `file`, until the returned function is called. */
  join(file: JoinedFile): () => void {
    this.#files.add(file);
    const leave = joinFence(file, {
      refuse: error => this.#connection.refuse(error),
      letGo: fault => this.#letGo(fault),
    });
    return () => {
      this.#files.delete(file);
      leave();
    };
  }

  /**
   * True once one of the files is fenced, even before this connection was closed: a listener of the first connection of
   * a fenced file may close all others. Ask again after anything that calls the application.
   */
  get isFenced(): boolean {
    if (this.#fenced) return true;
    return !this.#connection.plan.readonly && [...this.#files].some(({ key }) => faultOf(key) !== null);
  }

  /** Fences the files of the connection if the failure of an operation requires it. */
  failed(error: SqliteResultError, operation: FailedOperation): void {
    const files = [...this.#files];
    const [main] = files;
    if (main === undefined) return;
    const journalMode = this.#connection.journalModes().includes('wal') ? 'wal' : 'delete';
    const kind = operationKind(operation, this.#connection.native.inTransaction);
    const { fence } = judgeFailure(error, { kind, journalMode, file: main.file });
    // With several files, the code does not tell which of them failed.
    if (fence) fenceFiles(files, error, operation.operation);
  }

  /** Closes the native connection without a checkpoint; one that a running statement keeps open is closed later. */
  close(): void {
    const abandon = (): Error | null => this.#connection.abandon(this.#services.walFiles());
    if (abandon() !== null) keepUntilClosed(abandon);
  }

  #letGo(fault: FenceFault): void {
    if (this.#fenced) return;
    this.#fenced = true;
    const connection = this.#connection;
    // A statement that called back into JavaScript is still running: it ends with this turn of the event loop.
    const letGo = (): Error | null => {
      const obstacle = connection.abandon(this.#services.walFiles());
      if (obstacle === null) this.#services.released();
      return obstacle;
    };
    if (letGo() !== null) setImmediate(letGo);
    connection.hub.publish('fenced', { reason: 'storage', error: fault.error });
    if (fault.markerError === null) return;
    connection.hub.publish('warning', {
      code: 'fence-marker-not-written',
      message: `${fault.marker} could not be written (${fault.markerError.message}): keep other processes off ${fault.file} yourself.`,
      details: { marker: fault.marker },
    });
  }
}
