// The ES module half: default and names, with types.
import Database, { openDatabase, SqliteCheckError, type Options } from 'safe-sqlite';
import Store from './store.cjs';

const options: Options = { timeout: 1000, logger: false };
const db: Database.Database = openDatabase('app.db', options);
const store = new Store(db);
const { changes, lastInsertRowid } = store.add('one');

function refused(): string {
  try {
    store.add('');
    return 'nothing';
  } catch (error) {
    if (error instanceof SqliteCheckError) return `${error.code} ${error.primaryCode} ${String(error.retryable)}`;
    throw error;
  }
}

console.log(
  JSON.stringify({
    changes,
    lastInsertRowid,
    notes: store.all(),
    refused: refused(),
    instance: db instanceof Database,
  }),
);
db.close();
