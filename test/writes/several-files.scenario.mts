/** Writes to a database and an attached one in every way there is, and reports the answer that each way got. */
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { ownFolder, plainError, serve, type PlainError } from '../support/fault-scenario.mts';

export type Way = 'write' | 'transaction' | 'exec' | 'statement' | 'withSnapshot';

export interface Deed {
  readonly id: number;
  readonly way: Way;
  /** The databases that it writes to. */
  readonly into: readonly ('main' | 'other')[];
}

export interface Told {
  readonly id: number;
  readonly said: 'stored' | 'rolled-back' | 'unknown';
  readonly error: PlainError | null;
  /** `details.files` of the error, or of its cause. */
  readonly files: readonly string[] | null;
}

export interface Setting {
  readonly main: 'wal' | 'rollback' | 'memory';
  readonly other: 'wal' | 'delete' | 'truncate';
}

let db: Database;
/** More than a page, so that COMMIT has several writes to make. */
const load = 'x'.repeat(9000);

serve({
  open({ main, other }: Setting) {
    const raw = new BetterSqlite3(join(ownFolder(), 'other.db'));
    raw.pragma(`journal_mode = ${other}`);
    raw.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, load)');
    raw.close();
    db =
      main === 'memory'
        ? new Database(':memory:')
        : new Database(join(ownFolder(), 'main.db'), { journalMode: main, logger: false });
    db.attach(join(ownFolder(), 'other.db'), 'other');
    if (other !== 'wal') db.pragma(`other.journal_mode = ${other}`);
    db.exec('CREATE TABLE main.t (id INTEGER PRIMARY KEY, load)');
  },
  /** All in one turn: the writes of the queue share a batch. */
  turn: async (deeds: readonly Deed[]): Promise<Told[]> => Promise.all(deeds.map(perform)),
});

async function perform(deed: Deed): Promise<Told> {
  try {
    await run(deed);
    return { id: deed.id, said: 'stored', error: null, files: null };
  } catch (thrown) {
    const error = plainError(thrown);
    const outcome = (thrown as { details?: { outcome?: string } }).details?.outcome ?? error.commitOutcome;
    return { id: deed.id, said: outcome === 'unknown' ? 'unknown' : 'rolled-back', error, files: filesOf(thrown) };
  }
}

interface WithFiles {
  readonly details?: { readonly files?: readonly string[] };
  readonly cause?: WithFiles;
}

function filesOf(error: unknown): readonly string[] | null {
  const { details, cause } = error as WithFiles;
  return details?.files ?? cause?.details?.files ?? null;
}

async function run({ id, way, into }: Deed): Promise<void> {
  const texts = into.map(schema => `INSERT INTO ${schema}.t VALUES (${id}, '${load}')`);
  const insert = (): void => texts.forEach(text => void db.prepare(text).run());
  if (way === 'write') await db.write(insert);
  if (way === 'transaction') db.transaction(insert)();
  if (way === 'withSnapshot') await db.withSnapshot(insert, { directory: ownFolder(), keep: 'on-failure' });
  if (way === 'statement') db.prepare(texts[0] ?? '').run();
  if (way === 'exec') {
    try {
      db.exec(`BEGIN; ${texts.join('; ')}; COMMIT`);
    } finally {
      if (db.open && db.inTransaction) db.exec('ROLLBACK');
    }
  }
}
