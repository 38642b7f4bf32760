/** Splits a long text of many statements into pieces, between which the caller can act. */
import { statementsOf } from './statements';

/** Fewer statements need no split, and parsing them would cost more. */
const manyStatements = 64;
const statementsPerPiece = 8;

/** True if `sql` may contain many statements; a single long statement does not count. */
export function isScript(sql: string): boolean {
  if (typeof sql !== 'string') return false;
  let at = -1;
  for (let statements = 0; statements < manyStatements; statements += 1) {
    at = sql.indexOf(';', at + 1);
    if (at === -1) return false;
  }
  return true;
}

/**
 * Returns the pieces of `sql`, each with some statements; run in order they are equivalent to the whole text. Once
 * `whole()` is true after a piece, the rest comes as one piece: parsing a statement costs as much as running it.
 */
export function* piecesOf(sql: string, whole: () => boolean): Generator<string, void> {
  let from = 0;
  let statements = 0;
  for (const statement of statementsOf(sql)) {
    statements += 1;
    if (statements % statementsPerPiece !== 0) continue;
    const last = statement.at(-1);
    // Without a semicolon it is the last one, and only its beginning was kept.
    if (last?.kind !== 'semicolon') break;
    yield sql.slice(from, last.end);
    from = last.end;
    if (whole()) break;
  }
  if (from < sql.length) yield sql.slice(from);
}

/** The statements of `sql`, each as a text of its own; SQLite reads the last one to its end. */
export function* statementTexts(sql: string): Generator<string, void> {
  let from = 0;
  for (const statement of statementsOf(sql)) {
    const last = statement.at(-1);
    if (last?.kind !== 'semicolon') return yield sql.slice(from);
    // A semicolon alone is no statement.
    if (statement.length > 1) yield sql.slice(from, last.end);
    from = last.end;
  }
}
