/** Carries out what a plan says, inside a transaction that the caller has begun. */
import type { Handle } from '../../faults/subject.mts';
import { planOf } from './plan.mts';

/** One text, so that it can run in one transaction and be attached under any name. */
export function createTables(handle: Handle, schema = 'main'): void {
  handle.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS ${schema}.line (txn INTEGER NOT NULL, part INTEGER NOT NULL, pad TEXT NOT NULL, PRIMARY KEY (txn, part));
    CREATE INDEX IF NOT EXISTS ${schema}.line_by_part ON line (part, txn);
    CREATE TABLE IF NOT EXISTS ${schema}.slot (id INTEGER PRIMARY KEY, txn INTEGER NOT NULL, pad TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS ${schema}.scratch (txn INTEGER PRIMARY KEY, pad TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS ${schema}.tally (writer INTEGER PRIMARY KEY, transactions INTEGER NOT NULL, last INTEGER NOT NULL);
    COMMIT`);
}

export function applyPlan(handle: Handle, txn: number, schema = 'main'): void {
  const plan = planOf(txn);
  const line = handle.prepare(`INSERT INTO ${schema}.line VALUES (?, ?, ?)`);
  for (const { part, pad } of plan.lines) line.run(txn, part, pad);
  handle.prepare(`INSERT OR REPLACE INTO ${schema}.slot VALUES (?, ?, ?)`).run(plan.slot, txn, plan.slotPad);
  handle.prepare(`INSERT INTO ${schema}.scratch VALUES (?, ?)`).run(txn, plan.slotPad);
  handle.prepare(`DELETE FROM ${schema}.scratch WHERE txn = ?`).run(plan.deletes);
  handle
    .prepare(
      `INSERT INTO ${schema}.tally VALUES (?, 1, ?) ON CONFLICT (writer) DO UPDATE SET transactions = transactions + 1, last = excluded.last`,
    )
    .run(plan.writer, txn);
  if (plan.creates !== null) handle.prepare(`CREATE TABLE ${schema}.${plan.creates} AS SELECT ${txn} AS txn`).run();
  if (plan.drops !== null) handle.prepare(`DROP TABLE IF EXISTS ${schema}.${plan.drops}`).run();
}
