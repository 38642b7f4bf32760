/** A raw better-sqlite3 connection that has read its file, and the sentinel over it, as `openDatabase` sets them up. */
import Native from 'better-sqlite3';
import { sqliteCopyOf } from '../../dist/registry/sqlite-copy.js';
import { createSentinel, type Sentinel } from '../../dist/sentinel/file-sentinel.js';
import type { TransactionState } from '../../dist/policy/expected-locks.js';
import { identityOf } from './identity.mts';

export interface Live {
  readonly db: Native.Database;
  readonly sentinel: Sentinel;
  /** What the sentinel learns about the transaction; unless set, what better-sqlite3 knows. */
  state: TransactionState | null;
}

export function openLive(file: string, journalMode = 'wal'): Live {
  const db = new Native(file);
  db.pragma(`journal_mode=${journalMode}`);
  db.pragma('synchronous=FULL');
  db.exec('CREATE TABLE IF NOT EXISTS t(a)');
  const live: { state: TransactionState | null } = { state: null };
  const sentinel = createSentinel({
    file,
    identity: identityOf(file),
    journalMode,
    transaction: () => live.state ?? (db.inTransaction ? 'open' : 'none'),
    addon: sqliteCopyOf(undefined).addon,
  });
  return Object.assign(live, { db, sentinel });
}

export function closeLive({ db, sentinel }: Live): void {
  sentinel.stop();
  db.close();
}
