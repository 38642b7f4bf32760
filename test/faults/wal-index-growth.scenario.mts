/** A child that commits one transaction so large that the index of the WAL (`-shm`) has to grow for it. */
import { join } from 'node:path';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { ownFaults, ownFolder, serve } from '../support/fault-scenario.mts';
import type { FaultRule } from '../support/fault-shim.mts';

/** What this needs of either subject. */
interface Opened {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  pragma(sql: string): unknown;
  prepare(sql: string): { run(): unknown };
}

let db: Opened;

serve({
  open(subject: 'raw' | 'ours') {
    const file = join(ownFolder(), 'app.db');
    db = subject === 'raw' ? new Native(file) : new Database(file, { logger: false });
    if (subject === 'raw') db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    // 64 MiB: the transaction stays in memory, so that all its frames are written by COMMIT.
    db.pragma('cache_size = -65536');
    db.exec('CREATE TABLE t(a)');
  },

  /** What COMMIT threw, and whether the transaction is open after it. */
  commit(rule: FaultRule) {
    const faults = ownFaults();
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(4000))');
    db.exec('BEGIN');
    // The first piece of the index holds 4062 frames (https://sqlite.org/walformat.html#the_wal_index_file_format).
    for (let row = 0; row < 4200; row += 1) insert.run();
    faults.arm(rule);
    try {
      db.exec('COMMIT');
      return null;
    } catch (error) {
      faults.heal();
      const { code, commitOutcome } = error as { code: string; commitOutcome?: string };
      return { code, commitOutcome, inTransaction: db.inTransaction };
    }
  },
});
