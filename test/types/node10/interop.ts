// Old node resolution with esModuleInterop, as NestJS 11 projects have it.
import Database, { openDatabase, SqliteBusyError, type Options } from 'safe-sqlite';
import * as everything from 'safe-sqlite';

const options: Options = { readonly: true };
const db: Database.Database = new Database('app.db', options);
const called: Database.Database = Database('app.db');
const shared: Database.Database = openDatabase('app.db');
const sharedToo: Database.Database = everything.openDatabase('app.db');
const statement: Database.Statement<[number], { a: number }> = db.prepare<[number], { a: number }>('SELECT ?');
const result: Database.RunResult = statement.run(1);

export function isBusy(error: unknown): error is SqliteBusyError {
  return error instanceof SqliteBusyError && error instanceof Database.SqliteError;
}

void [called, shared, sharedToo, result];
