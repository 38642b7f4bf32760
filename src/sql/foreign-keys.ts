/** Finds each PRAGMA foreign_keys of a text that SQLite ignores because a transaction is open when it runs. */
import { foldCase } from './names';
import { readPragma } from './pragma';
import { kindAt } from './statement-kind';
import { headOf, statementsOf } from './statements';

/** A text without this word sets none. */
const name = /foreign_keys/i;
const on: ReadonlySet<string> = new Set(['on', 'yes', 'true']);

/**
 * Returns the values that each `PRAGMA foreign_keys` of `sql` asks for inside a transaction, in order; a transaction
 * may be open before the text. "This pragma is a no-op within a transaction"
 * (https://sqlite.org/pragma.html#pragma_foreign_keys).
 */
export function ignoredForeignKeys(sql: string, before: { readonly inTransaction: boolean }): readonly boolean[] {
  if (!name.test(sql)) return [];
  const wanted: boolean[] = [];
  let open = before.inTransaction;
  for (const statement of statementsOf(sql)) {
    const { at, explained } = headOf(sql, statement);
    const kind = kindAt(sql, statement, at, explained);
    if (kind === 'begin' || kind === 'savepoint') open = true;
    if (kind === 'commit' || kind === 'rollback') open = false;
    const pragma = open && kind === 'pragma-write' ? readPragma(sql, statement, at)?.pragma : undefined;
    if (pragma === undefined || pragma.value === null || foldCase(pragma.name) !== 'foreign_keys') continue;
    wanted.push(isOn(pragma.value));
  }
  return wanted;
}

/** Parses a value as `sqlite3GetBoolean` does. */
function isOn(value: string): boolean {
  return on.has(foldCase(value)) || Number.parseInt(value, 10) > 0;
}
