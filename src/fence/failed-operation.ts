/** Maps a failed call to the kind of operation that the fence decides about. */
import type { FailedOperation } from '../connection/session';
import type { OperationKind } from '../policy/fence';
import { statementKinds } from '../sql/statement-kind';

/**
 * Returns the kind of a failed call. A text of several statements is judged by the strictest of those that can have
 * failed: `commit`, then `checkpoint`, then `write`. If the transaction is still open afterwards, its COMMIT was not
 * reached.
 */
export function operationKind({ sql = '', commits }: FailedOperation, inTransaction: boolean): OperationKind {
  const kinds = statementKinds(sql);
  if (kinds.size === 1 && kinds.has('vacuum-into')) return 'copy';
  // What failed is the file that was to be attached, which is not in use.
  if (kinds.size === 1 && kinds.has('attach')) return 'open';
  const ends = kinds.has('commit') || kinds.has('release');
  if (ends && (kinds.size === 1 || !inTransaction)) return 'commit';
  if (kinds.has('checkpoint')) return 'checkpoint';
  return commits === true && !inTransaction ? 'write' : 'statement';
}
