/** Decides which statements a reader runs: those that only read and neither begin nor end a transaction. */
import { isText, nameOf, foldCase } from './names';
import { kindAt, type StatementKind } from './statement-kind';
import { headOf, statementsOf, type Statement } from './statements';

/** Pragmas that take an argument and only read. https://sqlite.org/pragma.html */
const readingPragmas: ReadonlySet<string> = new Set([
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

const refusedKinds: ReadonlyMap<StatementKind, string> = new Map([
  ['begin', 'begins a transaction'],
  ['savepoint', 'begins a transaction'],
  ['commit', 'ends a transaction'],
  ['release', 'ends a transaction'],
  ['rollback', 'ends a transaction'],
  ['rollback-to', 'undoes part of a transaction'],
  ['checkpoint', 'checkpoints'],
  ['pragma-write', 'is a pragma that changes something'],
  ['vacuum-into', 'writes a file'],
  ['attach', 'attaches a database'],
  ['detach', 'detaches a database'],
]);

/**
 * Returns why the first statement of `sql` is not for a reader, as the end of a sentence; `null` if it is.
 *
 * Catches statements that act while they are prepared or that SQLite does not count as writes. For any other statement
 * SQLite itself tells after preparing it (`sqlite3_stmt_readonly`).
 */
export function whyNotForReaders(sql: string): string | null {
  for (const statement of statementsOf(sql)) {
    const { at, explained } = headOf(sql, statement);
    const kind = kindAt(sql, statement, at, explained);
    const refused = refusedKinds.get(kind);
    if (refused === undefined) return null;
    return kind === 'pragma-write' && readingPragmas.has(pragmaName(sql, statement, at)) ? null : refused;
  }
  return null;
}

function pragmaName(sql: string, statement: Statement, at: number): string {
  const name = statement[isText(sql, statement[at + 2], '.') ? at + 3 : at + 1];
  return name === undefined ? '' : foldCase(nameOf(sql, name));
}
