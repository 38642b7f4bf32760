/** Recognizes a statement that begins or ends a transaction or a savepoint. */
import { isKeyword } from './names';
import { headOf, statementsOf } from './statements';

/** A text that has one of these words in a string or a CASE is read properly below. */
const words = /\b(?:begin|savepoint|commit|end|release|rollback)\b/i;
const controls = ['begin', 'savepoint', 'commit', 'end', 'release', 'rollback'] as const;

export type TransactionControl = (typeof controls)[number];

/** The word at the head of the one statement in `sql`; `null` for a statement that leaves the transaction as it is. */
export function transactionControl(sql: string): TransactionControl | null {
  if (!words.test(sql)) return null;
  const [statement] = statementsOf(sql);
  if (statement === undefined) return null;
  const { at, explained } = headOf(sql, statement);
  return explained ? null : (controls.find(word => isKeyword(sql, statement[at], word)) ?? null);
}
