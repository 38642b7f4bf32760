/** A child that cannot read `/proc` while its database works. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { ownFaults, ownFolder, serve } from '../support/fault-scenario.mts';
import type { FaultRule } from '../support/fault-shim.mts';

const intervalMs = 20;
const file = (): string => join(ownFolder(), 'app.db');
const options = { logger: false, processGuard: 'off', sentinel: { intervalMs } } as const;
let db: Database;
const said: string[] = [];

function open(journalMode: 'wal' | 'rollback' = 'wal'): Database {
  const opened = new Database(file(), { ...options, journalMode });
  opened.events.on('warning', ({ code }) => said.push(code));
  opened.events.on('locksLost', () => said.push('locksLost'));
  opened.events.on('fileReplaced', () => said.push('fileReplaced'));
  opened.events.on('fenced', () => said.push('fenced'));
  return opened;
}

serve({
  /** Opens, reads and writes while the rules are armed from before the open; the code of the error, or null. */
  openUnder({ subject, rules }: { subject: 'raw' | 'ours'; rules: readonly FaultRule[] }) {
    const faults = ownFaults();
    faults.arm(...rules);
    try {
      if (subject === 'raw') {
        const raw = new Native(file());
        raw.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (1)');
        raw.close();
      } else {
        db = open();
        db.exec('CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (1)');
        db.close();
      }
      return null;
    } catch (error) {
      return (error as { code?: string }).code ?? String(error);
    } finally {
      faults.heal();
    }
  },

  /** Opens before the rules are armed, writes under them for some intervals, then without them. */
  async liveUnder({ rules, journalMode }: { rules: readonly FaultRule[]; journalMode: 'wal' | 'rollback' }) {
    db = open(journalMode);
    db.exec('CREATE TABLE IF NOT EXISTS t(a)');
    const faults = ownFaults();
    faults.arm(...rules);
    // The descriptor that shows the locks was opened by the first connection; another one makes all be looked at again.
    const second = new Database(file(), { ...options, journalMode });
    for (let n = 0; n < 20; n++) {
      db.prepare('INSERT INTO t VALUES (?)').run(n);
      second.prepare('INSERT INTO t VALUES (?)').run(n);
      await sleep(intervalMs);
    }
    await db.checkpoint();
    const hits = faults.counters().reduce((sum, each) => sum + each.hits, 0);
    faults.heal();
    await sleep(10 * intervalMs);
    db.exec('INSERT INTO t VALUES (100)');
    second.close();
    const { locks } = db.health().sentinel ?? {};
    const calm = [...said];
    let lost: string | null = null;
    try {
      // A rollback journal needs locks in a transaction alone.
      db.exec('BEGIN; INSERT INTO t VALUES (101)');
      // Closes a descriptor on the database: the kernel drops the locks of the process.
      readFileSync(file());
      db.exec('COMMIT');
    } catch (error) {
      lost = (error as { code: string }).code;
    }
    return { hits, said: calm, locks, lost };
  },
});
