/** Decides which statements a reader runs: those that only read and neither begin nor end a transaction. */
import { isText, nameOf, foldCase } from './names';
import { pragmaRules } from './pragma-rules';
import { kindAt, type StatementKind } from './statement-kind';
import { headOf, statementsOf, type Statement } from './statements';

/** Pragmas that take an argument and only read. https://sqlite.org/pragma.html */
export const readingPragmas: ReadonlySet<string> = new Set([
  'foreign_key_check',
  'foreign_key_list',
  'index_info',
  'index_list',
  'index_xinfo',
  'integrity_check',
  'quick_check',
  'table_info',
  'table_list',
  'table_xinfo',
]);

/** Pragmas that change the file; every other one that SQLite knows changes the connection that runs it. */
const filePragmas: ReadonlySet<string> = new Set([
  'application_id',
  'auto_vacuum',
  'default_cache_size',
  'encoding',
  'incremental_vacuum',
  'journal_mode',
  'optimize',
  'page_size',
  'schema_version',
  'user_version',
]);

const refusedKinds = [
  'begin',
  'savepoint',
  'commit',
  'release',
  'rollback',
  'rollback-to',
  'checkpoint',
  'vacuum-into',
  'attach',
  'detach',
] as const satisfies readonly StatementKind[];

/**
 * Why a reader refuses a statement: its kind; what a pragma would change, the file or the settings of the connection;
 * `write` and `no-rows`, which only SQLite can tell after it has prepared the statement.
 */
export type ReadRefusal =
  (typeof refusedKinds)[number] | 'pragma-of-file' | 'pragma-of-connection' | 'pragma-unknown' | 'write' | 'no-rows';

/**
 * Returns why the first statement of `sql` is not for a reader; `null` if it is.
 *
 * Catches statements that act while they are prepared or that SQLite does not count as writes. For any other statement
 * SQLite itself tells after preparing it (`sqlite3_stmt_readonly`).
 */
export function refusalForReaders(sql: string): ReadRefusal | null {
  for (const statement of statementsOf(sql)) {
    const { at, explained } = headOf(sql, statement);
    const kind = kindAt(sql, statement, at, explained);
    if (kind === 'pragma-write') return refusalOfPragma(pragmaName(sql, statement, at));
    return refusedKinds.find(refused => refused === kind) ?? null;
  }
  return null;
}

/** True if the first statement of `sql` only lists the program or the plan of another one, which does not run. */
export function isExplained(sql: string): boolean {
  for (const statement of statementsOf(sql)) return headOf(sql, statement).explained;
  return false;
}

function refusalOfPragma(name: string): ReadRefusal | null {
  if (readingPragmas.has(name)) return null;
  if (filePragmas.has(name)) return 'pragma-of-file';
  return pragmaRules.has(name) ? 'pragma-of-connection' : 'pragma-unknown';
}

function pragmaName(sql: string, statement: Statement, at: number): string {
  const name = statement[isText(sql, statement[at + 2], '.') ? at + 3 : at + 1];
  return name === undefined ? '' : foldCase(nameOf(sql, name));
}
