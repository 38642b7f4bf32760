/** Declares the plan of an open, with its reasons: the value that `decide` returns and `db.plan` shows. */
import type { FilesystemReport } from '../filesystem/report';

export interface PlanWarning {
  /** Stable name, for example `'non-durable-filesystem'`. */
  readonly code: string;
  readonly message: string;
}

export interface Plan {
  /** `'file'`, or a database without a file: in memory (also from a Buffer), or temporary. */
  readonly storage: 'file' | 'memory' | 'temporary';
  /** Canonical path of the file that SQLite opens; `null` for a database without a file. */
  readonly file: string | null;
  readonly readonly: boolean;
  /** The journal mode that is set and verified; `null` if it is left unchanged (read-only, no file). */
  readonly journalMode: 'wal' | 'delete' | 'truncate' | null;
  /** The level that is set and proved on every schema that has a file. */
  readonly synchronous: 'full' | 'extra';
  /**
   * True if `fullfsync` and `checkpoint_fullfsync` are set and verified: macOS flushes the drive's cache only with
   * them.
   */
  readonly fullfsync: boolean;
  /** Version of the SQLite inside better-sqlite3. */
  readonly sqliteVersion: string;
  /** The filesystem of the file; `null` for a database without a file. */
  readonly filesystem: FilesystemReport | null;
  /** The reasons for the fields above, one sentence each. */
  readonly reasons: readonly string[];
  readonly warnings: readonly PlanWarning[];
}
