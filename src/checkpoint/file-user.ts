/** Declares a connection that has a file open, as the services of the file see it. */
import type { Connection } from '../connection/connection';
import type { RunningRead } from '../events/event-map';

export interface FileUser {
  readonly connection: Connection;
  /** The connection's schema name for the file: `main`, or the name of an attached database. */
  readonly schema: string;
  /** Canonical path of the file for events; default: the main file of the connection. */
  readonly file?: string;
  /** The file is in WAL mode and the connection may write: it is checkpointed for this connection. */
  readonly checkpoints: boolean;
  /** The running reads of `db.reader` on the file. */
  reads(): readonly RunningRead[];
  /**
   * Checks again, before a copy, that the files are the ones SQLite has open. Returns why nothing may be copied; the
   * connection is disabled and reported in that case.
   */
  beforeCheckpoint(): Error | null;
  /** Called when another program has switched the file to WAL mode; `checkpoints` is true from then on. */
  entersWal(): void;
}
