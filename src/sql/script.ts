/** Cuts a long text of many statements into pieces, so that something can be done between them. */
import { statementsOf } from './statements';

/** Nothing is due between fewer, and reading them would cost more. */
const manyStatements = 64;
const statementsPerPiece = 8;

/** Whether `sql` may hold many statements; a single long one is none. */
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
 * The pieces of `sql`, each with some statements; run one after the other they do what the whole text does. Once `whole()`
 * is true behind one of them, what is left comes as one: to read a statement costs as much as to run it.
 */
export function* piecesOf(sql: string, whole: () => boolean): Generator<string, void> {
  let from = 0;
  let statements = 0;
  for (const statement of statementsOf(sql)) {
    statements += 1;
    if (statements % statementsPerPiece !== 0) continue;
    const last = statement.at(-1);
    // Without a semicolon it is the last one, of which only the beginning is here.
    if (last?.kind !== 'semicolon') break;
    yield sql.slice(from, last.end);
    from = last.end;
    if (whole()) break;
  }
  if (from < sql.length) yield sql.slice(from);
}
