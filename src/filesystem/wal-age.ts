/** Compares the times of a database and its `-wal`: a WAL older than its database may belong to another one. */
import { statSync } from 'node:fs';

/** The result of stat(2) before SQLite opened the files. */
export interface WalSuspicion {
  readonly file: string;
  /** The database was written after the last write to the `-wal`, or was created after it. */
  readonly contentIsNewer: boolean;
}

/** A `-wal` without frames has at most 32 bytes. */
const emptyWalBytes = 32n;

/** Calls stat(2) twice, and no more if there is no `-wal`; returns null if nothing is suspicious. */
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
    return null; // A file that cannot be read is for SQLite to report.
  }
}
