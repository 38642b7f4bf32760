/** Finds rows with dangling references, before and after a change. */
import { isSqliteFailure } from '../errors/translate';
import { quotedName } from '../base/sql-name';
import type { NativeDatabase } from '../native/better-sqlite3';

/** A text for each violation with the number of rows that have it. */
export type Violations = ReadonlyMap<string, number>;

interface ViolationRow {
  readonly table: string;
  readonly rowid: number | null;
  readonly parent: string;
}

/**
 * Returns the violations in `schemas`, each with its row. A foreign key whose parent lacks the referenced key is one
 * too; SQLite then checks nothing else, so the tables are checked one by one.
 */
export function violationsIn(native: NativeDatabase.Database, schemas: readonly string[]): Violations {
  const found = new Map<string, number>();
  for (const schema of schemas) {
    try {
      for (const row of check(native, schema, null)) note(found, describe(schema, row));
    } catch (error) {
      if (!isMismatch(error)) throw error;
      for (const table of tablesOf(native, schema)) noteTable(native, schema, table, found);
    }
  }
  return found;
}

/** Returns the violations in `after` that are not in `before`. A row counts once for each missing parent. */
export function newViolations(before: Violations, after: Violations): readonly string[] {
  return [...after].flatMap(([text, rows]) => (rows > (before.get(text) ?? 0) ? [text] : []));
}

export function countViolations(violations: Violations): number {
  return [...violations.values()].reduce((sum, rows) => sum + rows, 0);
}

function noteTable(native: NativeDatabase.Database, schema: string, table: string, found: Map<string, number>): void {
  const rows: string[] = [];
  try {
    for (const row of check(native, schema, table)) rows.push(describe(schema, row));
  } catch (error) {
    if (!isMismatch(error)) throw error;
    rows.splice(0, rows.length, `${error.message} (schema ${schema}, table ${table})`);
  }
  for (const text of rows) note(found, text);
}

function check(native: NativeDatabase.Database, schema: string, table: string | null): IterableIterator<ViolationRow> {
  const argument = table === null ? '' : `(${quotedName(table)})`;
  return native
    .prepare<[], ViolationRow>(`PRAGMA ${quotedName(schema)}.foreign_key_check${argument}`)
    .all()
    .values();
}

function tablesOf(native: NativeDatabase.Database, schema: string): readonly string[] {
  return native
    .prepare<[], string>(`SELECT name FROM ${quotedName(schema)}.sqlite_schema WHERE type = 'table'`)
    .pluck()
    .all();
}

/** The code of a foreign key mismatch: the statement is valid, so nothing else can cause it. */
function isMismatch(error: unknown): error is Error {
  return isSqliteFailure(error) && error.code === 'SQLITE_ERROR';
}

function describe(schema: string, { table, rowid, parent }: ViolationRow): string {
  const row = rowid === null ? 'a row' : `row ${rowid}`;
  const place = schema === 'main' ? table : `${schema}.${table}`;
  return `${row} of ${place} refers to a row of ${parent} that does not exist`;
}

function note(found: Map<string, number>, text: string): void {
  found.set(text, (found.get(text) ?? 0) + 1);
}
