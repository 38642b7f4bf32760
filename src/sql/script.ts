/** Cuts a long text of many statements into pieces, so that something can be done between them. */
import { statementsOf } from './statements';

/** UTF-16 code units. Shorter texts are run whole: reading one costs more than running it with what is known by then. */
const scriptLength = 16_384;
const statementsPerPiece = 8;

/** Whether `sql` is so long that it may hold hundreds of statements. */
export function isScript(sql: string): boolean {
  return typeof sql === 'string' && sql.length > scriptLength;
}

/**
 * The pieces of `sql`, each with some statements; run one after the other they do what the whole text does. With
 * `onlyWhile` false behind a piece, what is left comes as one.
 */
export function* piecesOf(sql: string, onlyWhile: () => boolean): Generator<string, void> {
  let from = 0;
  let statements = 0;
  for (const statement of statementsOf(sql)) {
    statements += 1;
    if (statements % statementsPerPiece !== 0) continue;
    const end = statement.at(-1)?.end ?? from;
    yield sql.slice(from, end);
    from = end;
    if (!onlyWhile()) break;
  }
  if (from < sql.length) yield sql.slice(from);
}
