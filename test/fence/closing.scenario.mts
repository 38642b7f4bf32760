/** Writes into two databases of one connection, and closes it on a disk that the test makes fail. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Database } from 'safe-sqlite';
import { ownFolder, plainError, serve } from '../support/fault-scenario.mts';

export interface Closed {
  /** The code of what `close()` throws. */
  readonly thrown: string | null;
  readonly fenced: number;
  /** Bytes of the `-wal` of the attached file. */
  readonly left: number;
}

let db: Database;

serve({
  open() {
    // Nothing but the close checkpoints.
    db = new Database(join(ownFolder(), 'app.db'), {
      logger: false,
      checkpoint: { walBytes: 2 ** 30, intervalMs: 3_600_000 },
    });
    db.attach(join(ownFolder(), 'other.db'), 'other');
    db.pragma('other.journal_mode = WAL');
    for (const schema of ['main', 'other']) db.exec(`CREATE TABLE ${schema}.t(a); INSERT INTO ${schema}.t VALUES (1)`);
  },
  close(): Closed {
    let fenced = 0;
    let thrown: string | null = null;
    db.events.on('fenced', () => (fenced += 1));
    try {
      db.close();
    } catch (error) {
      thrown = plainError(error).code ?? null;
    }
    return { thrown, fenced, left: statSync(join(ownFolder(), 'other.db-wal'), { throwIfNoEntry: false })?.size ?? 0 };
  },
});
