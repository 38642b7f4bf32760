/** What a backup gives, apart from how it is made: the public types reach no further than this file. */
import type { BackupMethod } from './options';

/** What stands at the destination, and how it came there. */
export interface BackupResult {
  /** Canonical path of the backup. */
  readonly path: string;
  readonly bytes: number;
  readonly pages: number;
  /** As better-sqlite3's result: the pages of the copy, and none that remain. */
  readonly totalPages: number;
  readonly remainingPages: 0;
  /** Of the whole file, in hexadecimal digits. */
  readonly sha256: string;
  readonly durationMs: number;
  readonly method: BackupMethod;
  readonly verified: 'quick' | 'full' | 'off';
  /** Rows of the source, and so of the backup, that refer to a row that does not exist; `null` if not counted. */
  readonly foreignKeyViolations: number | null;
  readonly sqliteVersion: string;
  readonly schemaVersion: number;
  readonly userVersion: number;
}
