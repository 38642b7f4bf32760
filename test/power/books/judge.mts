/** Compares a database row by row with what its transactions must have left, and these with what was promised. */
import Database from 'better-sqlite3';
import type { Handle } from '../../faults/subject.mts';
import type { Version } from './books.mts';
import { planOf } from './plan.mts';

/** What is in a database: whole transactions, and everything that is wrong with it in itself. */
export interface Found {
  readonly present: ReadonlySet<number>;
  readonly faults: readonly string[];
}

interface LineRow {
  readonly txn: number;
  readonly part: number;
  readonly pad: string;
}

/** Reads everything through a connection that is open already. */
export function readDatabase(handle: Pick<Handle, 'prepare' | 'pragma'>): Found {
  const faults: string[] = [];
  const integrity = handle.pragma('integrity_check', { simple: true });
  if (integrity !== 'ok') faults.push(`integrity_check: ${String(integrity).split('\n')[0]}`);
  const names = new Set(
    handle.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all() as string[],
  );
  // The tables come in one transaction: all of them, or none.
  const tables = ['line', 'slot', 'scratch', 'tally'].filter(name => names.has(name));
  if (tables.length === 0) return { present: new Set(), faults };
  if (tables.length < 4) return { present: new Set(), faults: [...faults, `only the tables ${tables.join(', ')}`] };

  const found = new Map<number, Map<number, string>>();
  for (const { txn, part, pad } of handle.prepare('SELECT txn, part, pad FROM line').all() as LineRow[]) {
    const lines = found.get(txn) ?? new Map<number, string>();
    found.set(txn, lines.set(part, pad));
  }
  const present = new Set(found.keys());
  for (const [txn, lines] of found) {
    const expected = planOf(txn).lines;
    if (lines.size !== expected.length) faults.push(`${txn} is half there: ${lines.size} of ${expected.length} rows`);
    else if (expected.some(({ part, pad }) => lines.get(part) !== pad)) faults.push(`${txn} has rows that differ`);
  }
  const expected = contentOf(present);
  const slots = handle.prepare('SELECT id, txn, pad FROM slot').all() as { id: number; txn: number; pad: string }[];
  compare(faults, 'slot', expected.slots, new Map(slots.map(({ id, txn, pad }) => [id, `${txn} ${pad}`])));
  const scratch = handle.prepare('SELECT txn, pad FROM scratch').all() as { txn: number; pad: string }[];
  compare(faults, 'scratch', expected.scratch, new Map(scratch.map(({ txn, pad }) => [txn, pad])));
  const tally = handle.prepare('SELECT writer, transactions, last FROM tally').all() as Record<string, number>[];
  compare(
    faults,
    'tally',
    expected.tally,
    new Map(tally.map(({ writer = -1, transactions, last }) => [writer, `${transactions} ${last}`])),
  );
  const made = [...names].filter(name => name.startsWith('made_'));
  compare(faults, 'schema', new Map([...expected.made].map(name => [name, ''])), new Map(made.map(name => [name, ''])));
  return { present, faults };
}

interface Content {
  readonly slots: Map<number, string>;
  readonly scratch: Map<number, string>;
  readonly tally: Map<number, string>;
  readonly made: Set<string>;
}

/** Each writer works in rows of its own, so the order between writers does not matter. */
function contentOf(present: ReadonlySet<number>): Content {
  const content: Content = { slots: new Map(), scratch: new Map(), tally: new Map(), made: new Set() };
  const counts = new Map<number, number>();
  for (const txn of [...present].toSorted((a, b) => a - b)) {
    const plan = planOf(txn);
    content.slots.set(plan.slot, `${txn} ${plan.slotPad}`);
    content.scratch.set(txn, plan.slotPad);
    content.scratch.delete(plan.deletes);
    if (plan.creates !== null) content.made.add(plan.creates);
    if (plan.drops !== null) content.made.delete(plan.drops);
    counts.set(plan.writer, (counts.get(plan.writer) ?? 0) + 1);
    content.tally.set(plan.writer, `${counts.get(plan.writer)} ${txn}`);
  }
  return content;
}

function compare<Key>(faults: string[], what: string, expected: Map<Key, string>, found: Map<Key, string>): void {
  for (const [key, value] of expected) {
    if (!found.has(key)) faults.push(`${what} ${String(key)} is missing`);
    else if (found.get(key) !== value) faults.push(`${what} ${String(key)} differs`);
  }
  for (const key of found.keys()) if (!expected.has(key)) faults.push(`${what} ${String(key)} should not be there`);
}

/** A file that is not there holds nothing. */
export const nothing: Found = { present: new Set(), faults: [] };

/** Opens a copy of a database with plain SQLite and reads it. */
export function readFile(file: string): Found {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 5000 });
    // A throw-away copy: nothing of it needs to survive.
    database.pragma('synchronous=OFF');
    return readDatabase(database);
  } catch (error) {
    return { present: new Set(), faults: [`cannot be read: ${reasonOf(error)}`] };
  } finally {
    database?.close();
  }
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${(error as Error & { code?: string }).code ?? error.name}: ${error.message}`;
}

/** What of the promises a database breaks; empty when it keeps every one of at least one version. */
export function judge(found: Found, versions: readonly Version[]): readonly string[] {
  if (found.faults.length > 0) return found.faults;
  const verdicts = versions.map(version => against(found.present, version));
  if (verdicts.some(faults => faults.length === 0)) return [];
  return verdicts.length === 1
    ? (verdicts[0] ?? [])
    : verdicts.map((faults, index) => `version ${index}: ${faults[0]}`);
}

function against(present: ReadonlySet<number>, { required, allowed }: Version): string[] {
  const faults: string[] = [];
  for (const txn of required) if (!present.has(txn)) faults.push(`acknowledged transaction ${txn} is lost`);
  for (const txn of present) {
    if (!required.has(txn) && !allowed.has(txn)) faults.push(`transaction ${txn} is there but was never committed`);
  }
  return faults;
}
