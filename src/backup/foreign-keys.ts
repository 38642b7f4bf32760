/** Finds rows with dangling references, before and after a change. */
import { isStatementFailure } from '../errors/translate';
import { quotedName } from '../base/sql-name';
import type { NativeDatabase } from '../native/better-sqlite3';

/** The rows of one table that refer to the same missing row of one parent. */
interface Violation {
  readonly schema: string;
  readonly table: string;
  /** `null` for a foreign key whose parent lacks the referenced key. */
  readonly parent: string | null;
  /** The key that the parent does not have; `null` where it is unknown, as in a table WITHOUT ROWID. */
  readonly key: string | null;
  readonly rows: number;
  /** Describes the last of these rows. */
  readonly text: string;
}

/** The dangling references of a database. */
export interface Violations {
  readonly list: ReadonlyMap<string, Violation>;
  /** The tables that exist, as `nameIn` writes them. */
  readonly tables: ReadonlySet<string>;
}

interface ViolationRow {
  readonly table: string;
  readonly rowid: bigint | null;
  readonly parent: string;
  readonly fkid: bigint;
}

/**
 * Returns the violations in `schemas`, each with the key that is missing: a table that is rebuilt numbers its rows anew,
 * and they refer to the same key as before. A foreign key whose parent lacks the referenced key is one too; SQLite then
 * checks nothing else, so the tables are checked one by one.
 */
export function violationsIn(native: NativeDatabase.Database, schemas: readonly string[]): Violations {
  const list = new Map<string, Violation>();
  const tables = new Set<string>();
  for (const schema of schemas) {
    const names = tablesOf(native, schema);
    for (const name of names) tables.add(nameIn(schema, name));
    try {
      noteAll(list, inSchema(native, schema, null));
    } catch (error) {
      if (!isMismatch(error)) throw error;
      for (const table of names) noteAll(list, inTable(native, schema, table));
    }
  }
  return { list, tables };
}

/** Describes the violations in `after` that are not in `before`. A row counts once for each missing parent. */
export function newViolations(before: Violations, after: Violations): readonly string[] {
  const left = new Map([...before.list].map(([name, { rows }]) => [name, rows]));
  const take = (name: string, wanted: number): number => {
    const taken = Math.min(wanted, left.get(name) ?? 0);
    left.set(name, (left.get(name) ?? 0) - taken);
    return taken;
  };
  const byKey = new Map<string, [string, Violation][]>();
  for (const [name, old] of before.list) byKey.set(keyIn(old), [...(byKey.get(keyIn(old)) ?? []), [name, old]]);
  // What kept its names comes first: a table that was renamed must not take the rows of another.
  const excess = [...after.list].map(([name, found]) => ({ found, rows: found.rows - take(name, found.rows) }));
  return excess.flatMap(({ found, rows }) => {
    if (rows === 0) return [];
    const renamed = (byKey.get(keyIn(found)) ?? []).filter(([, old]) => isRenamed(before, old, after, found));
    const rest = renamed.reduce((missing, [name]) => missing - take(name, missing), rows);
    return rest > 0 ? [found.text] : [];
  });
}

export function countViolations({ list }: Violations): number {
  return [...list.values()].reduce((sum, { rows }) => sum + rows, 0);
}

function keyIn({ schema, key }: Violation): string {
  return JSON.stringify([schema, key]);
}

/** Is `found` what `old` was, with another name of the table or of its parent? Both have the same key. */
function isRenamed(before: Violations, old: Violation, after: Violations, found: Violation): boolean {
  const { schema } = found;
  const same = (from: string | null, to: string | null): boolean => {
    if (from === null || to === null) return from === to;
    const [was, is] = [nameIn(schema, from), nameIn(schema, to)];
    return was === is || (before.tables.has(was) && !after.tables.has(was) && !before.tables.has(is));
  };
  return same(old.table, found.table) && same(old.parent, found.parent);
}

function inTable(native: NativeDatabase.Database, schema: string, table: string): readonly Violation[] {
  try {
    return inSchema(native, schema, table);
  } catch (error) {
    if (!isMismatch(error)) throw error;
    const text = `${error.message} (schema ${schema}, table ${table})`;
    return [{ schema, table, parent: null, key: null, rows: 1, text }];
  }
}

/** @param table - `null` for all of them */
function inSchema(native: NativeDatabase.Database, schema: string, table: string | null): readonly Violation[] {
  const argument = table === null ? '' : `(${quotedName(table)})`;
  const rows = native
    .prepare<[], ViolationRow>(`PRAGMA ${quotedName(schema)}.foreign_key_check${argument}`)
    .safeIntegers()
    .all();
  const readers = new Map<string, KeyReader>();
  return rows.map(row => {
    const name = `${row.table} ${row.fkid}`;
    const reader = readers.get(name) ?? keyReader(native, schema, row);
    readers.set(name, reader);
    const { table: child, parent, rowid } = row;
    const key = rowid === null ? null : reader(rowid);
    return { schema, table: child, parent, key, rows: 1, text: describe(schema, row) };
  });
}

/** Reads the key that a row refers to. */
type KeyReader = (rowid: bigint) => string | null;

function keyReader(native: NativeDatabase.Database, schema: string, { table, fkid, rowid }: ViolationRow): KeyReader {
  const unknown: KeyReader = () => null;
  if (rowid === null) return unknown;
  const columns = native
    .prepare<[string, bigint, string], string>(
      'SELECT "from" FROM pragma_foreign_key_list(?) WHERE id = ? AND schema = ? ORDER BY seq',
    )
    .pluck()
    .all(table, fkid, schema);
  const taken = native
    .prepare<[string, string], string>('SELECT lower(name) FROM pragma_table_xinfo(?) WHERE schema = ?')
    .pluck()
    .all(table, schema);
  const alias = ['rowid', '_rowid_', 'oid'].find(name => !taken.includes(name));
  if (alias === undefined || columns.length === 0) return unknown;
  // As text: a rebuilt table may have another type for the column.
  const parts = columns
    .map(quotedName)
    .map(column => `CASE typeof(${column}) WHEN 'blob' THEN quote(${column}) ELSE quote(CAST(${column} AS TEXT)) END`);
  const statement = native
    .prepare<[bigint], string>(
      `SELECT ${parts.join(` || ',' || `)} FROM ${quotedName(schema)}.${quotedName(table)} WHERE ${alias} = ?`,
    )
    .pluck();
  return id => statement.get(id) ?? null;
}

function tablesOf(native: NativeDatabase.Database, schema: string): readonly string[] {
  return native
    .prepare<[], string>(`SELECT name FROM ${quotedName(schema)}.sqlite_schema WHERE type = 'table'`)
    .pluck()
    .all();
}

/** The code of a foreign key mismatch: the statement is valid, so nothing else can cause it. */
function isMismatch(error: unknown): error is Error {
  return isStatementFailure(error);
}

function describe(schema: string, { table, rowid, parent }: ViolationRow): string {
  const row = rowid === null ? 'a row' : `row ${rowid}`;
  const place = schema === 'main' ? table : `${schema}.${table}`;
  return `${row} of ${place} refers to a row of ${parent} that does not exist`;
}

/** A table as SQLite compares names: without regard to ASCII case. */
function nameIn(schema: string, table: string): string {
  return JSON.stringify([schema, asciiLowerCase(table)]);
}

function asciiLowerCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => letter.toLowerCase());
}

function noteAll(list: Map<string, Violation>, found: readonly Violation[]): void {
  for (const violation of found) {
    const { schema, table, parent, key, rows } = violation;
    const name = JSON.stringify([schema, asciiLowerCase(table), parent && asciiLowerCase(parent), key]);
    list.set(name, { ...violation, rows: rows + (list.get(name)?.rows ?? 0) });
  }
}
