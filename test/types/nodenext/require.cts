// import = require(), as a CommonJS module in TypeScript does it: the constructor, with names and types on it.
import Database = require('safe-sqlite');
import { openDatabase, SqliteBusyError, type Options, type Statement } from 'safe-sqlite';

const options: Options = { timeout: 100 };
const sameOptions: Database.Options = options;
const db: Database.Database = new Database('app.db', sameOptions);
const called: Database.Database = Database('app.db');
const shared: Database.Database = openDatabase('app.db');
const sharedToo: Database.Database = Database.openDatabase('app.db');

const result: Database.RunResult = db.prepare('INSERT INTO t VALUES (1)').run();
const byPosition: Database.Statement<[number], { a: number }> = db.prepare<[number], { a: number }>('SELECT ?');
const byName: Database.Statement<{ a: number }> = db.prepare<{ a: number }>('SELECT @a');
const any: Statement = db.prepare('SELECT 1');
const columns: Database.ColumnDefinition[] = any.columns();
const double: Database.Transaction<(x: number) => number> = db.transaction((x: number) => x * 2);
const anyTransaction: Database.Transaction | null = null;

const error = new Database.SqliteBusyError('database is locked', 'SQLITE_BUSY');
const sameError: SqliteBusyError = error;
const sameClass: typeof SqliteBusyError = Database.SqliteBusyError;
const isBusy: boolean = error instanceof SqliteBusyError;
const alsoNative: boolean = error instanceof Database.SqliteError;
const typed: Database.SqliteBusyError | Database.InvalidOptionError = error;

// @ts-expect-error -- the types are of this package, not only names
Database.openDatabase(1);

void [
  called,
  shared,
  sharedToo,
  result,
  byPosition,
  byName,
  columns,
  double,
  anyTransaction,
  sameError,
  sameClass,
  isBusy,
  alsoNative,
  typed,
];
