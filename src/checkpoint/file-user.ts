/** A connection that has a file open, as the services of the file see it. */
import type { Connection } from '../connection/connection';
import type { RunningRead } from '../events/event-map';

export interface FileUser {
  readonly connection: Connection;
  /** How the connection calls the file: `main`, or the name that it is attached as. */
  readonly schema: string;
  /** Canonical path of the file, which events name; default: the main file of the connection. */
  readonly file?: string;
  /** The file is in WAL mode and the connection may write: it is checkpointed for this connection. */
  readonly checkpoints: boolean;
  /** What the readers of `db.reader` read from the file now. */
  reads(): readonly RunningRead[];
  /**
   * Looks once more whether the files are what SQLite knows of them, before anything is copied. Returns why nothing may be
   * copied: the connection is refused by then, and told.
   */
  beforeCheckpoint(): Error | null;
  /** Told when another program has switched the file to WAL mode; `checkpoints` is true from then on. */
  entersWal(): void;
}
