/** Remembers the shape of recent SQL texts and whether a reader runs them: both need the text split into tokens. */
import { refusalForReaders, type ReadRefusal } from '../sql/read-only';
import { shapeOf } from '../sql/shape';

export interface SqlFacts {
  /** The SQL without values. */
  readonly shape: string;
  /** Why a reader refuses it; `null` if it does not. */
  readonly refused: ReadRefusal | null;
}

const kept = 100;
/** Characters. A longer text is likely to hold values, and to occur once. */
const longest = 10_000;
const known = new Map<string, SqlFacts>();

export function sqlFacts(sql: string): SqlFacts {
  const found = known.get(sql);
  if (found !== undefined) return found;
  const facts = { shape: shapeOf(sql), refused: refusalForReaders(sql) };
  if (sql.length > longest) return facts;
  for (const oldest of known.keys()) {
    if (known.size < kept) break;
    known.delete(oldest);
  }
  known.set(sql, facts);
  return facts;
}
