/** One database in a process of its own, for the sentences that speak of failing writes and of what is said then. */
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { answerForError } from 'safe-sqlite/express';
import { ownFolder, plainError, serve } from '../support/fault-scenario.mts';

/** The part that both have. */
let db: BetterSqlite3.Database;

serve({
  open({ subject, journal }: { subject: 'raw' | 'ours'; journal: 'wal' | 'rollback' }) {
    const file = join(ownFolder(), 'app.db');
    if (subject === 'ours')
      db = new Database(file, { journalMode: journal, logger: false }) as unknown as BetterSqlite3.Database;
    else {
      db = new BetterSqlite3(file);
      db.pragma(`journal_mode = ${journal === 'wal' ? 'wal' : 'delete'}`);
    }
    db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, load)');
  },
  insert(id: number) {
    try {
      db.prepare('INSERT INTO t VALUES (?, ?)').run(id, 'x'.repeat(9000));
      return null;
    } catch (thrown) {
      const answer = answerForError(thrown);
      const { details } = thrown as { details?: { obstacle?: string } };
      return {
        ...plainError(thrown),
        obstacle: details?.obstacle ?? null,
        status: answer?.status ?? null,
        said: answer?.body['message'] ?? null,
      };
    }
  },
  /** The error of `close()`; null where there was none. */
  close() {
    try {
      db.close();
      return null;
    } catch (thrown) {
      return plainError(thrown);
    }
  },
  health() {
    const { status, reasons, fullAgeMs } = (db as unknown as Database).health();
    return { status, reasons, full: fullAgeMs !== null };
  },
});
