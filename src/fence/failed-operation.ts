/** What a failing call was about to do, in the words of the fence. */
import type { FenceMoment } from '../policy/fence';
import type { Moment } from '../connection/session';

const ending = /^[\s;]*(?:commit|end|release)\b/i;
const checkpointing = /^[\s;]*pragma\b.*\bwal_checkpoint\b/is;
const copying = /^[\s;]*vacuum\b[^;]*\binto\b/i;

/** Whether the statement ends a transaction, and so commits what was written before. */
export function endsTransaction(sql: string): boolean {
  return ending.test(sql);
}

/** Whether a PRAGMA has an argument, or writes without one; any other only asks. */
export function mayWrite(pragma: string): boolean {
  return /[=(]|\b(?:optimize|incremental_vacuum)\b/i.test(pragma);
}

export function fenceMoment({ sql = '', commits }: Moment, inTransaction: boolean): FenceMoment {
  if (copying.test(sql)) return 'copy';
  if (endsTransaction(sql)) return 'commit';
  if (checkpointing.test(sql)) return 'checkpoint';
  return commits === true && !inTransaction ? 'write' : 'statement';
}
