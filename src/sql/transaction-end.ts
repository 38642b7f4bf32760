/** Finds the statement in a text that ends a transaction. */
import { isKeyword } from './names';
import { headOf, statementsOf } from './statements';

/** A text that ends a transaction has one of these words; what has one in a string or a CASE is read properly below. */
const words = /\b(?:commit|end|rollback)\b/i;

/** `'COMMIT'`, `'END'` or `'ROLLBACK'`; `null` when `sql` has no such statement. `ROLLBACK TO` ends no transaction. */
export function endsTransaction(sql: string): 'COMMIT' | 'END' | 'ROLLBACK' | null {
  if (!words.test(sql)) return null;
  for (const statement of statementsOf(sql)) {
    const { at, explained } = headOf(sql, statement);
    if (explained) continue;
    const head = statement[at];
    if (isKeyword(sql, head, 'commit')) return 'COMMIT';
    if (isKeyword(sql, head, 'end')) return 'END';
    if (!isKeyword(sql, head, 'rollback')) continue;
    // SQLite's grammar (parse.y): ROLLBACK [TRANSACTION [name]] [TO [SAVEPOINT] name]
    if (!statement.some((token, index) => index > at && isKeyword(sql, token, 'to'))) return 'ROLLBACK';
  }
  return null;
}
