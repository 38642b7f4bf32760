/** Classifies statements by what they do to transactions and files: the one classifier for guard, fence, commit hooks and write queue. */
import { isKeyword, isText, nameOf, foldCase } from './names';
import { headOf, statementsOf, type Statement } from './statements';

/**
 * The kind of one statement.
 *
 * - `commit`: COMMIT and END
 * - `rollback-to`: ROLLBACK TO, which ends no transaction
 * - `checkpoint`: `PRAGMA wal_checkpoint`
 * - `pragma-write`: a pragma with an argument, or one that writes without one; `pragma-read`: any other
 * - `other`: everything else, and any statement under EXPLAIN (except a pragma, which acts while it is prepared)
 */
export type StatementKind =
  | 'begin'
  | 'savepoint'
  | 'commit'
  | 'release'
  | 'rollback'
  | 'rollback-to'
  | 'checkpoint'
  | 'pragma-write'
  | 'pragma-read'
  | 'vacuum-into'
  | 'attach'
  | 'detach'
  | 'other';

/** A text without any of these words has only statements of the kind `other`: the whole cost for ordinary SQL. */
const headWords = /\b(?:begin|savepoint|commit|end|release|rollback|pragma|vacuum|attach|detach)\b/i;

/** Pragmas that write without an argument. */
const writingPragmas = new Set(['optimize', 'incremental_vacuum']);

/** Returns the kind of the statement whose first keyword is `tokens[at]`. */
export function kindAt(sql: string, tokens: Statement, at: number, explained = false): StatementKind {
  const head = tokens[at];
  if (head?.kind !== 'word') return 'other';
  const keyword = foldCase(sql.slice(head.start, head.end));
  if (keyword === 'pragma') return kindOfPragma(sql, tokens, at);
  if (explained) return 'other';
  switch (keyword) {
    case 'begin':
    case 'savepoint':
    case 'release':
    case 'attach':
    case 'detach':
      return keyword;
    case 'commit':
    case 'end':
      return 'commit';
    case 'rollback':
      // SQLite's grammar (parse.y): ROLLBACK [TRANSACTION [name]] [TO [SAVEPOINT] name]
      return [at + 1, at + 2, at + 3].some(each => isKeyword(sql, tokens[each], 'to')) ? 'rollback-to' : 'rollback';
    case 'vacuum':
      return [at + 1, at + 2].some(each => isKeyword(sql, tokens[each], 'into')) ? 'vacuum-into' : 'other';
    default:
      return 'other';
  }
}

function kindOfPragma(sql: string, tokens: Statement, at: number): StatementKind {
  const nameAt = isText(sql, tokens[at + 2], '.') ? at + 3 : at + 1;
  const name = tokens[nameAt];
  if (name === undefined) return 'pragma-read';
  const pragma = foldCase(nameOf(sql, name));
  if (pragma === 'wal_checkpoint') return 'checkpoint';
  const argument = tokens[nameAt + 1];
  const hasArgument = ['=', '==', '('].some(opening => isText(sql, argument, opening));
  return hasArgument || writingPragmas.has(pragma) ? 'pragma-write' : 'pragma-read';
}

function kindOf(sql: string, statement: Statement): StatementKind {
  const { at, explained } = headOf(sql, statement);
  return kindAt(sql, statement, at, explained);
}

/** Returns the kind of the first statement of `sql`, the only one in a prepared text. */
export function statementKind(sql: string): StatementKind {
  if (!headWords.test(sql)) return 'other';
  for (const statement of statementsOf(sql)) return kindOf(sql, statement);
  return 'other';
}

/** Returns the kinds of all statements of `sql`. */
export function statementKinds(sql: string): ReadonlySet<StatementKind> {
  const kinds = new Set<StatementKind>();
  if (!headWords.test(sql)) return kinds.add('other');
  for (const statement of statementsOf(sql)) kinds.add(kindOf(sql, statement));
  return kinds;
}

const pragmaWord = /\bpragma\b/i;

/** True if a statement of `sql` sets a pragma. */
export function setsPragma(sql: string): boolean {
  return pragmaWord.test(sql) && statementKinds(sql).has('pragma-write');
}

/** A text that ends a transaction contains one of these words. */
const endWords = /\b(?:commit|end|rollback)\b/i;

/**
 * Returns the keyword of the first statement of `sql` that ends a transaction, in upper case; `null` if there is none.
 */
export function endsTransaction(sql: string): string | null {
  if (!endWords.test(sql)) return null;
  for (const statement of statementsOf(sql)) {
    const { at, explained } = headOf(sql, statement);
    const kind = kindAt(sql, statement, at, explained);
    if (kind === 'commit' || kind === 'rollback') {
      return sql.slice(statement[at]?.start, statement[at]?.end).toUpperCase();
    }
  }
  return null;
}
