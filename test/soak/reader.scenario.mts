/** The reader of the soak: long snapshots that must not move, and the backups that were made. */
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { openDatabase, type Database } from 'safe-sqlite';
import { serve } from '../support/fault-scenario.mts';
import type { Handle } from '../faults/subject.mts';
import { readLedger, type LedgerView } from './ledger.mts';
import { listen, measure } from './worker.mts';

let database: Database | undefined;

serve({
  open(file: string) {
    database = openDatabase(file, { logger: false, readonly: true, timeout: 30_000 });
    listen(database);
  },
  async snapshot(holdMs: number): Promise<LedgerView> {
    const handle = database as unknown as Handle;
    handle.exec('BEGIN');
    try {
      const first = readLedger(handle);
      await delay(holdMs);
      const second = readLedger(handle);
      const moved = JSON.stringify(first) !== JSON.stringify(second);
      return { ...second, faults: [...second.faults, ...(moved ? ['a snapshot has changed while it was open'] : [])] };
    } finally {
      handle.exec('COMMIT');
    }
  },
  /** `null` when the schedule has removed it already. */
  backup(path: string): LedgerView | null {
    if (!existsSync(path)) return null;
    const copy = new Native(path, { readonly: true });
    try {
      return readLedger(copy);
    } finally {
      copy.close();
    }
  },
  measure,
  stop() {
    database?.close();
    database = undefined;
  },
});
