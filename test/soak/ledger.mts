/**
 * Writes the data of the soak, in which a lost commit shows for ever although the database does not grow.
 *
 * Each writer counts its transactions in a tally and keeps the last ones as rows: the count must never be below what was
 * acknowledged, and the rows must be without a gap up to it.
 */
import type { Handle } from '../faults/subject.mts';

/** Rows that each writer keeps. */
export const keptRows = 1000;

export function createLedger(handle: Pick<Handle, 'exec'>): void {
  handle.exec(`BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS entry (writer INTEGER NOT NULL, seq INTEGER NOT NULL, token INTEGER NOT NULL, pad TEXT NOT NULL,
      PRIMARY KEY (writer, seq));
    CREATE INDEX IF NOT EXISTS entry_by_token ON entry (token, writer);
    CREATE TABLE IF NOT EXISTS tally (writer INTEGER PRIMARY KEY, last INTEGER NOT NULL);
    COMMIT`);
}

/** Inside a transaction of the caller. A token is the caller's number for it, used once. */
export function enter(handle: Pick<Handle, 'prepare'>, writer: number, token: number): void {
  const last = handle
    .prepare('INSERT INTO tally VALUES (?, 1) ON CONFLICT (writer) DO UPDATE SET last = last + 1 RETURNING last')
    .pluck()
    .get(writer) as number;
  handle.prepare('INSERT INTO entry VALUES (?, ?, ?, ?)').run(writer, last, token, padOf(token));
  handle.prepare('DELETE FROM entry WHERE writer = ? AND seq <= ?').run(writer, last - keptRows);
}

function padOf(token: number): string {
  return `${token} `.repeat(1 + (Math.imul(token, 2654435761) >>> 24));
}

/** What one writer has in the database. */
export interface Page {
  readonly writer: number;
  /** How many of its transactions were committed. */
  readonly last: number;
  readonly tokens: readonly number[];
}

export interface LedgerView {
  readonly pages: readonly Page[];
  /** What is wrong in itself. */
  readonly faults: readonly string[];
}

export function readLedger(handle: Pick<Handle, 'prepare' | 'pragma'>): LedgerView {
  const faults: string[] = [];
  const integrity = handle.pragma('integrity_check', { simple: true });
  if (integrity !== 'ok') faults.push(`integrity_check: ${String(integrity)}`);
  const tally = handle.prepare('SELECT writer, last FROM tally ORDER BY writer').all() as Omit<Page, 'tokens'>[];
  const read = handle.prepare('SELECT seq, token, pad FROM entry WHERE writer = ? ORDER BY seq');
  const pages = tally.map(({ writer, last }) => {
    const rows = read.all(writer) as { seq: number; token: number; pad: string }[];
    const first = Math.max(1, last - keptRows + 1);
    if (rows.length !== last - first + 1 || rows.some(({ seq }, index) => seq !== first + index))
      faults.push(`writer ${writer} counts ${last} transactions and has ${rows.length} rows from ${rows[0]?.seq}`);
    for (const { token, pad } of rows)
      if (pad !== padOf(token)) faults.push(`transaction ${token} of writer ${writer} has foreign content`);
    return { writer, last, tokens: rows.map(({ token }) => token) };
  });
  return { pages, faults };
}
