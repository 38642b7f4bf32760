/**
 * The data that every fault test writes, so that loss, tearing and invention can all be seen afterwards.
 *
 * A transaction inserts several rows over several pages and raises a tally in another table. Whatever a fault does, a
 * reader must find each transaction whole or not at all, and the tally equal to the number of transactions.
 */
import Database from 'better-sqlite3';
import type { Handle } from './subject.mts';

/** Rows a transaction; with the padding they spread over four pages of 4096 bytes. */
export const partsPerTransaction = 4;
// Half a page: two rows fill a page, so a lost page write shows as a half transaction.
const padBytes = 1900;

export function createLedger(handle: Handle): void {
  handle.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS ledger (txn INTEGER NOT NULL, part INTEGER NOT NULL, pad TEXT NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS ledger_key ON ledger (txn, part);
    CREATE TABLE IF NOT EXISTS tally (only INTEGER PRIMARY KEY CHECK (only = 1), transactions INTEGER NOT NULL);
    INSERT OR IGNORE INTO tally VALUES (1, 0);
    COMMIT`);
}

/** One transaction; returns after its COMMIT, so a return is an acknowledgement. */
export function writeTransaction(handle: Handle, txn: number, schema = 'main'): void {
  handle.transaction(() => insertTransaction(handle, txn, schema)).immediate();
}

/** What a transaction does, for whoever begins and commits it. */
export function insertTransaction(handle: Handle, txn: number, schema = 'main'): void {
  const insert = handle.prepare(`INSERT INTO ${schema}.ledger VALUES (?, ?, ?)`);
  for (let part = 0; part < partsPerTransaction; part += 1) insert.run(txn, part, padFor(txn, part));
  handle.prepare(`UPDATE ${schema}.tally SET transactions = transactions + 1`).run();
}

/** The same content for the same transaction, so that a row can be compared byte for byte. */
function padFor(txn: number, part: number): string {
  return `${txn}:${part} `.repeat(padBytes).slice(0, padBytes);
}

export interface LedgerExpectation {
  /** Transactions whose COMMIT returned. */
  readonly acknowledged: readonly number[];
  /** Transactions that may be there or not: COMMIT failed without a word, or never answered. */
  readonly unknown?: readonly number[];
}

/** What is wrong with the file; empty when it keeps every promise. */
export type LedgerFaults = readonly string[];

/** Opens a copy of a database with plain SQLite and compares it with what was promised. */
export function checkLedger(file: string, expected: LedgerExpectation): LedgerFaults {
  const faults: string[] = [];
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 5000 });
    // A throw-away copy: nothing of it needs to survive.
    database.pragma('synchronous=OFF');
    const integrity = database.pragma('integrity_check', { simple: true });
    if (integrity !== 'ok') faults.push(`integrity_check: ${String(integrity).split('\n')[0]}`);
    faults.push(...compare(database, expected));
  } catch (error) {
    faults.push(`cannot be read: ${error instanceof Database.SqliteError ? error.code : String(error)}`);
  } finally {
    database?.close();
  }
  return faults;
}

/** The transactions of which a sound copy holds a row. */
export function transactionsIn(file: string): ReadonlySet<number> {
  const database = new Database(file);
  try {
    return new Set(database.prepare<[], number>('SELECT DISTINCT txn FROM ledger').pluck().all());
  } finally {
    database.close();
  }
}

function compare(database: Database.Database, expected: LedgerExpectation): string[] {
  const faults: string[] = [];
  const found = new Map<number, number>();
  let transactions = 0;
  if (database.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'tally'`).get() !== undefined) {
    const rows = database.prepare('SELECT txn, part, pad FROM ledger').all() as {
      txn: number;
      part: number;
      pad: string;
    }[];
    for (const { txn, part, pad } of rows) {
      found.set(txn, (found.get(txn) ?? 0) + 1);
      if (pad !== padFor(txn, part)) faults.push(`transaction ${txn} has foreign content in part ${part}`);
    }
    transactions = database.prepare('SELECT transactions FROM tally').pluck().get() as number;
  }
  for (const [txn, parts] of found)
    if (parts !== partsPerTransaction) faults.push(`transaction ${txn} is half there: ${parts} rows`);
  const known = new Set([...expected.acknowledged, ...(expected.unknown ?? [])]);
  for (const txn of expected.acknowledged) if (!found.has(txn)) faults.push(`acknowledged transaction ${txn} is lost`);
  for (const txn of found.keys())
    if (!known.has(txn)) faults.push(`transaction ${txn} is there but was never committed`);
  if (transactions !== found.size)
    faults.push(`the tally says ${transactions} transactions, the ledger holds ${found.size}`);
  return faults;
}
