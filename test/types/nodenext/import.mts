// import, as an ES module does it: a default, names, and types by both ways.
import DefaultDatabase, {
  closeAllDatabases,
  Database,
  openDatabase,
  SafeSqliteError,
  SqliteBusyError,
  SqliteError,
  SqliteResultError,
  type Options,
  type RunResult,
  type SafeSqliteErrorCode,
} from 'safe-sqlite';
import * as everything from 'safe-sqlite';

const options: Options = { readonly: false, journalMode: 'auto', logger: false };
const db: Database = openDatabase('app.db', options);
const own: DefaultDatabase.Database = new DefaultDatabase('app.db', { timeout: 2000 });
const called: Database = DefaultDatabase('app.db');
const fromBuffer: Database = new Database(db.serialize());
const sameClass: typeof Database = DefaultDatabase;
const sameAgain: typeof Database = everything.default;

const result: RunResult = db.prepare('INSERT INTO t VALUES (?)').run(1);
const changes: number = result.changes;
const rowid: number | bigint = result.lastInsertRowid;
const row: { a: number } | undefined = db.prepare<[number], { a: number }>('SELECT a FROM t WHERE a = ?').get(1);
const rows: { a: number }[] = db.prepare<{ a: number }, { a: number }>('SELECT a FROM t WHERE a = @a').all({ a: 1 });
const nothingSaid: unknown = db.prepare('SELECT 1').get();
const twice: number = db.transaction((x: number) => x * 2).immediate(1);

export function explain(error: unknown): string {
  if (error instanceof SqliteBusyError) return `${error.code} ${error.primaryCode} ${String(error.retryable)}`;
  if (error instanceof SqliteResultError && error.commitOutcome === 'unknown') return error.hint;
  if (error instanceof SafeSqliteError) {
    const code: SafeSqliteErrorCode = error.code;
    return code;
  }
  if (error instanceof SqliteError) {
    const native: SqliteError = error;
    return native.code;
  }
  return String(error);
}

class Repository extends Database {
  count(): unknown {
    return this.prepare('SELECT count(*) FROM t').pluck().get();
  }
}
const counted: unknown = new Repository('app.db').count();

class HotPath extends SqliteBusyError {
  readonly route = '/';
}
const hot: SqliteBusyError = new HotPath('busy', 'SQLITE_BUSY', { hint: 'wait' });

// What must not compile.
// @ts-expect-error -- misspelt
new Database('app.db', { readOnly: true });
// @ts-expect-error -- no such mode
openDatabase('app.db', { journalMode: 'delete' });
// @ts-expect-error -- a parameter is missing
db.prepare<[number]>('SELECT ?').get();
// @ts-expect-error -- facts of an error are read-only
hot.code = 'SQLITE_OK';

void [own, called, fromBuffer, sameClass, sameAgain, changes, rowid, row, rows, nothingSaid, twice, counted, hot];
void closeAllDatabases;
