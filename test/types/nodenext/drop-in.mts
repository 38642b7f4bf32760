// Code that is typed for better-sqlite3 takes what this package gives, and the other way round where we promise it.
import type Theirs from 'better-sqlite3';
import Database, { openDatabase } from 'safe-sqlite';

/** A library that takes the database of better-sqlite3, as ORMs and session stores do. */
function library(db: Theirs.Database): Theirs.Statement {
  return db.prepare('SELECT 1');
}

const db = openDatabase('app.db');
library(db);
library(new Database('app.db'));
library(Database());

const statement: Theirs.Statement<[number], string> = db.prepare<[number], string>('SELECT ?');
const named: Theirs.Statement<{ a: number }> = db.prepare<{ a: number }>('SELECT @a');
const result: Theirs.RunResult = db.prepare('SELECT 1').run();
const columns: Theirs.ColumnDefinition[] = db.prepare('SELECT 1').columns();
const transaction: Theirs.Transaction<(x: number) => number> = db.transaction((x: number) => x);
const constructor: new (filename?: string | Buffer, options?: Theirs.Options) => Theirs.Database = Database;

const injected: typeof Theirs = Database;
const metadata: Promise<Database.BackupMetadata & Theirs.BackupMetadata> = db.backup('copy.db');
const errorClass: Theirs.SqliteError = Database.SqliteError;
/** Every type of the namespace of better-sqlite3 is in ours, for code that writes `Database.Statement`. */
type Namespace = [
  Database.RunResult,
  Database.Options,
  Database.SerializeOptions,
  Database.PragmaOptions,
  Database.RegistrationOptions,
  Database.AggregateOptions,
  Database.BackupMetadata,
  Database.BackupOptions,
  Database.SqliteError,
  Database.Statement,
  Database.ColumnDefinition,
  Database.Transaction,
  Database.Database,
  Database.VirtualTableOptions,
];

declare const their: {
  statement: Theirs.Statement<[number], string>;
  result: Theirs.RunResult;
  columns: Theirs.ColumnDefinition[];
  options: Theirs.Options;
  pragma: Theirs.PragmaOptions;
  registration: Theirs.RegistrationOptions;
  transaction: Theirs.Transaction<(x: number) => number>;
};
const ours: {
  result: Database.RunResult;
  columns: Database.ColumnDefinition[];
  options: Database.Options;
  pragma: Database.PragmaOptions;
  registration: Database.RegistrationOptions;
  transaction: Database.Transaction<(x: number) => number>;
} = their;
db.pragma('user_version', their.pragma);

// The members that take callbacks and options, as their types have them.
const chained: Theirs.Database = db
  .function('f', (x: number) => x)
  .function(
    'g',
    { deterministic: true, varargs: true, directOnly: true, safeIntegers: true },
    (...xs: number[]) => xs.length,
  )
  .aggregate<number>('sum2', { start: 0, step: (total, next: number) => total + next, result: total => total })
  .aggregate('list', { start: () => [] as string[], step: (list, next) => void list.push(String(next)) })
  .table('t', {
    columns: ['a'],
    parameters: ['p'],
    *rows(p: unknown) {
      yield { a: p };
    },
  })
  .exec('SELECT 1')
  .defaultSafeIntegers()
  .unsafeMode(false);

void [
  injected,
  metadata,
  errorClass,
  {} as Namespace,
  statement,
  named,
  result,
  columns,
  transaction,
  constructor,
  ours,
  chained,
];
