/** A process that writes through db.write and reports each answer: the subject of the fault and kill tests. */
import BetterSqlite3 from 'better-sqlite3';
import { openDatabase, type Database, type SqliteResultError } from 'safe-sqlite';
import { plainError, report, serve } from '../support/fault-scenario.mts';

let db: Database;

interface Told {
  readonly id: number;
  readonly stored: boolean;
  readonly error?: ReturnType<typeof plainError> & { primaryCode?: string };
}

serve({
  open: ({ file, pragmas = [], journalMode }: { file: string; pragmas?: string[]; journalMode?: 'rollback' }) => {
    // A machine that is busy with something else would end a batch before its writes are in it.
    const writes = { maxBatchMs: 60_000 };
    db = openDatabase(file, { logger: false, writes, ...(journalMode === undefined ? {} : { journalMode }) });
    db.exec('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, load BLOB)');
    for (const pragma of pragmas) db.pragma(pragma);
  },
  /** Queues all in one turn; returns the answers in order. */
  batch: async ({ ids, bytes }: { ids: number[]; bytes: number[] }): Promise<Told[]> => {
    const insert = db.prepare('INSERT INTO t VALUES (?, ?)');
    const settled = await Promise.allSettled(
      ids.map((id, index) => db.write(() => insert.run(id, Buffer.alloc(bytes[index] ?? 10)))),
    );
    return settled.map((each, index) => {
      const id = ids[index] ?? -1;
      if (each.status === 'fulfilled') return { id, stored: true };
      const reason = each.reason as SqliteResultError;
      return { id, stored: false, error: { ...plainError(reason), primaryCode: reason.primaryCode } };
    });
  },
  /** So many callers write without end; each id is reported once its promise has resolved, and never before. */
  forever: ({ callers, from }: { callers: number; from: number }) => {
    const insert = db.prepare('INSERT INTO t VALUES (?, ?)');
    let next = from;
    const caller = async (): Promise<void> => {
      for (;;) {
        const id = next++;
        await db.write(() => insert.run(id, Buffer.alloc(id % 300)));
        report(id);
      }
    };
    for (let index = 0; index < callers; index += 1) void caller();
  },
  /** The same with raw better-sqlite3, as an application does it that cares. */
  oneByOne: ({ file, ids }: { file: string; ids: number[] }) => {
    const raw = new BetterSqlite3(file);
    raw.pragma('synchronous = FULL');
    const insert = raw.prepare('INSERT INTO t VALUES (?, ?)');
    for (const id of ids) insert.run(id, null);
    raw.close();
  },
  ids: () => db.prepare('SELECT id FROM t ORDER BY id').pluck().all(),
  close: () => {
    db.close();
  },
});
