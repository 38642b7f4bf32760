/** Compares the times of a database and its `-wal`: one that is older than its database may belong to another one. */
import { statSync } from 'node:fs';

/** What stat(2) told before SQLite opened anything. */
export interface WalSuspicion {
  readonly file: string;
  /** The content of the database was written after the last write to the `-wal`, or the file was born after it. */
  readonly contentIsNewer: boolean;
}

/** A `-wal` with no frame has 32 bytes at most. */
const emptyWalBytes = 32n;

/** Two calls of stat(2), and none more where there is no `-wal`; null where nothing is suspicious. */
export function suspectWal(file: string): WalSuspicion | null {
  try {
    const wal = statSync(`${file}-wal`, { bigint: true, throwIfNoEntry: false });
    if (wal === undefined || wal.size <= emptyWalBytes) return null;
    const database = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (database === undefined || database.size === 0n) return null;
    const knowsBirth = database.birthtimeNs > 0n && wal.birthtimeNs > 0n;
    const bornAfter = knowsBirth && database.birthtimeNs > wal.birthtimeNs;
    const changedAfter = database.ctimeNs >= wal.mtimeNs;
    if (!bornAfter && !changedAfter) return null;
    return { file, contentIsNewer: bornAfter || database.mtimeNs > wal.mtimeNs };
  } catch {
    return null; // What cannot be looked at is for SQLite to report.
  }
}
