/** Decides which write of a batch is blamed after SQLite rolled the whole transaction back. Pure. */

export interface Blame {
  /** `'write'`: the one whose statement failed; the others may run again. `'storage'`: retrying helps none of them. */
  readonly on: 'write' | 'storage';
  readonly reason: string;
}

/**
 * @param code extended result code of the statement after which no transaction was open
 * @see https://sqlite.org/lang_transaction.html section 3: what may roll back a whole transaction
 * @see https://sqlite.org/lang_conflict.html ROLLBACK, and RAISE(ROLLBACK) in a trigger
 */
export function blameLostTransaction(code: string): Blame {
  return code.startsWith('SQLITE_CONSTRAINT')
    ? { on: 'write', reason: 'its own data broke a rule that rolls back (ON CONFLICT ROLLBACK, RAISE(ROLLBACK))' }
    : { on: 'storage', reason: 'the disk, the memory or the file failed, and would fail the others as well' };
}
