/** A process whose write queue meets a fence. */
import { Database } from 'safe-sqlite';
import { ownFolder, serve } from '../support/fault-scenario.mts';

const file = `${ownFolder()}/app.db`;
let db: Database;

serve({
  open() {
    db = new Database(file, { logger: false, checkpoint: 'off', writes: { maxBatch: 2, maxBatchMs: 60_000 } });
    db.exec('CREATE TABLE t (x)');
  },
  async twoBatches() {
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    const start = performance.now();
    const writes = [1, 2, 3, 4].map(x =>
      db
        .write(() => insert.run(x))
        .then(
          () => ({ code: 'stored', afterMs: performance.now() - start }),
          (error: { code: string }) => ({ code: error.code, afterMs: performance.now() - start }),
        ),
    );
    return Promise.all(writes);
  },
});
