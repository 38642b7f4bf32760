/** Implements the `verbose` option: it sees each SQL text of the application and none of this library. */
import type { ResolvedOptions } from '../options/resolved';

export interface Verbose {
  /** Passed to better-sqlite3 as its `verbose` option; `null` costs nothing. */
  readonly listener: ((message?: unknown) => void) | null;
  /** Runs the library's own statements unseen. */
  quietly<Result>(run: () => Result): Result;
}

export function createVerbose(wanted: ResolvedOptions['verbose']): Verbose {
  if (wanted === null) return { listener: null, quietly: run => run() };
  let quiet = 0;
  return {
    listener: message => {
      if (quiet === 0) wanted(message);
    },
    quietly: run => {
      quiet += 1;
      try {
        return run();
      } finally {
        quiet -= 1;
      }
    },
  };
}
