/** Records the results of the writers of a run, kept in an append-only file by the one that is not killed. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { LedgerExpectation } from '../ledger.mts';
import type { PlainError } from '../../support/fault-scenario.mts';
import type { SubjectName } from '../subject.mts';

export type Entry =
  { readonly begin: number } | { readonly committed: number } | { readonly failed: number; readonly error: PlainError };

export interface Books {
  enter(entry: Entry): void;
  /** What must be there and what may be, by all that was written down so far. */
  expectation(): LedgerExpectation;
}

export function openBooks(path: string, subject: SubjectName): Books {
  writeFileSync(path, '');
  return {
    enter: entry => appendFileSync(path, `${JSON.stringify(entry)}\n`),
    expectation() {
      const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
      return expectationOf(
        lines.map(line => JSON.parse(line) as Entry),
        subject,
      );
    },
  };
}

/** Pure: a begin that was never answered may have been committed; a failure is a denial unless it says otherwise. */
export function expectationOf(entries: readonly Entry[], subject: SubjectName): LedgerExpectation {
  const unknown = new Set<number>();
  const acknowledged: number[] = [];
  for (const entry of entries) {
    if ('begin' in entry) unknown.add(entry.begin);
    else if ('committed' in entry) {
      unknown.delete(entry.committed);
      acknowledged.push(entry.committed);
    } else if (isDenied(entry.error, subject)) unknown.delete(entry.failed);
  }
  return { acknowledged, unknown: [...unknown] };
}

/** BUSY before COMMIT is a denial for both; of other failures only ours says whether the transaction may be there. */
function isDenied(error: PlainError, subject: SubjectName): boolean {
  if (subject === 'ours') return error.commitOutcome !== 'unknown';
  return error.code?.startsWith('SQLITE_BUSY') === true;
}
