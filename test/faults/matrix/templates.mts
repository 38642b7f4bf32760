/** The files that an operation of the matrix finds: made once with plain SQLite, copied for each cell. */
import Database from 'better-sqlite3';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createLedger, writeTransaction } from '../ledger.mts';

const templateNames = [
  'wal-closed',
  'wal-closed-two',
  'wal-and-journal',
  'journal-closed-two',
  'wal-closed-copy',
  'wal-crashed',
  'journal-closed',
  'journal-crashed',
] as const;

export type TemplateName = (typeof templateNames)[number];

/** What every template's ledger holds, acknowledged. */
export const templateTransactions: readonly number[] = [1, 2];
export const firstNewTransaction = 3;

/** The templates that have an attached database. */
export const withAttached: ReadonlySet<string> = new Set(['wal-closed-two', 'wal-and-journal', 'journal-closed-two']);

export const databaseName = 't.db';
export const attachedName = 'attached.db';
export const copyName = 'copy.db';

export function makeTemplates(folder: string): void {
  for (const name of templateNames) {
    mkdirSync(join(folder, name), { recursive: true });
    const file = join(folder, name, databaseName);
    if (name === 'wal-crashed') crashedWal(file);
    else if (name === 'journal-crashed') crashedJournal(file);
    else closed(file, name.startsWith('journal-closed') ? 'delete' : 'wal');
  }
  closed(join(folder, 'wal-closed-two', attachedName), 'wal');
  closed(join(folder, 'wal-and-journal', attachedName), 'delete');
  closed(join(folder, 'journal-closed-two', attachedName), 'delete');
  closed(join(folder, 'wal-closed-copy', copyName), 'delete');
}

/** Gives a cell its own copy of the files, before any process has them open. */
export function copyTemplate(templates: string, name: TemplateName | null, folder: string): void {
  mkdirSync(folder, { recursive: true });
  if (name === null) return;
  for (const file of readdirSync(join(templates, name))) copyFileSync(join(templates, name, file), join(folder, file));
}

function filled(file: string, journal: string): Database.Database {
  const database = new Database(file);
  database.pragma(`journal_mode=${journal}`);
  // A template is not under test, so it does not wait for the disk.
  database.pragma('synchronous=OFF');
  database.pragma('wal_autocheckpoint=0');
  createLedger(database);
  for (const txn of templateTransactions) writeTransaction(database, txn);
  return database;
}

function closed(file: string, journal: string): void {
  filled(file, journal).close();
}

/** The files as a killed process leaves them: the database behind, its transactions in the WAL. */
function crashedWal(file: string): void {
  leaveBehind(file, '-wal', live => filled(live, 'wal'));
}

/** Killed in the middle of a transaction whose pages had already gone to the database. */
function crashedJournal(file: string): void {
  leaveBehind(file, '-journal', live => {
    const database = filled(live, 'delete');
    // A cache of one page spills: the journal is synced and the database written while the transaction is open.
    database.pragma('cache_size=1');
    database.exec(`BEGIN IMMEDIATE;
      UPDATE ledger SET pad = 'never committed' || pad;
      UPDATE tally SET transactions = 99`);
    return database;
  });
}

/** Copies a database and a sidecar while they are open; that costs the connection its locks, and there is no other connection. */
function leaveBehind(file: string, sidecar: string, make: (live: string) => Database.Database): void {
  const nursery = mkdtempSync(`${file}.live-`);
  const live = join(nursery, databaseName);
  const database = make(live);
  copyFileSync(live, file);
  copyFileSync(`${live}${sidecar}`, `${file}${sidecar}`);
  database.close();
  rmSync(nursery, { recursive: true });
}
