/** A process that opens a WAL database to have it in rollback mode, with raw better-sqlite3 or with this library. */
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { ownFolder, serve } from '../support/fault-scenario.mts';

const file = `${ownFolder()}/app.db`;
/** Whoever gives up keeps its connection: the other one does not come in by that. */
const open: object[] = [];

serve({
  /** What a program does by itself: it tries again until its time is over. */
  raw(timeout: number) {
    const db = new Native(file, { timeout: 0 });
    open.push(db);
    const deadline = performance.now() + timeout;
    for (;;) {
      try {
        return db.pragma('journal_mode = DELETE', { simple: true });
      } catch (error) {
        if (performance.now() > deadline) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
  },
  ours(timeout: number) {
    using db = new Database(file, { logger: false, journalMode: 'rollback', timeout });
    db.exec('INSERT INTO t VALUES (1)');
    return db.plan.journalMode;
  },
});
