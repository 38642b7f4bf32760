/** What was decided at open, and why: the value that `decide` returns and that `db.plan` shows. */
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
  /** The journal mode that is set and proved; `null` where it is left as it is (read-only, no file). */
  readonly journalMode: 'wal' | 'delete' | null;
  /** The level that is set and proved on every schema that has a file. */
  readonly synchronous: 'full' | 'extra';
  /** `fullfsync` and `checkpoint_fullfsync` are set and proved: macOS only syncs the drive's cache with them. */
  readonly fullfsync: boolean;
  /** Version of the SQLite inside better-sqlite3. */
  readonly sqliteVersion: string;
  /** What is known about the ground that the file stands on; `null` for a database without a file. */
  readonly filesystem: FilesystemReport | null;
  /** Why each of the above was decided so, one sentence each. */
  readonly reasons: readonly string[];
  readonly warnings: readonly PlanWarning[];
}
