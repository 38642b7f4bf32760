/** Makes transactions and copies, and says what became of each at the moment when the program learns it. */
import type { Connection, Handle, SubjectName } from '../../faults/subject.mts';
import type { Mark } from './books.mts';
import { applyPlan } from './plan-writer.mts';

export interface Teller {
  /** One transaction; its error is recorded, and thrown again. */
  commit(handle: Handle, file: string, txn: number): void;
  /** One transaction over two files of one connection: the second is attached as `second`. */
  commitBoth(handle: Handle, file: string, second: string, txn: number): void;
  /** A transaction that its function gives up. */
  rollBack(handle: Handle, file: string, txn: number): void;
  /** Several writes through the queue at once. */
  queue(handle: Handle & Queue, file: string, txns: readonly number[]): Promise<void>;
  /** Runs a backup or restore that puts a copy of `of` at `file`. */
  copy(file: string, of: string, run: () => Promise<unknown>): Promise<void>;
}

/** The part of this library that better-sqlite3 does not have. */
export interface Queue {
  write<Result>(fn: () => Result): Promise<Result>;
}

export function queueOf(connection: Connection): Handle & Queue {
  return connection.handle as Handle & Queue;
}

class GivenUp extends Error {}

export function createTeller(subject: SubjectName, say: (mark: Mark) => void): Teller {
  const tellFailure = (error: unknown, txns: readonly number[], files: readonly string[]): void => {
    const mark = isRolledBack(subject, error) ? 'rolled-back' : 'unknown';
    for (const file of files) say({ mark, file, txns });
  };
  const transact = (handle: Handle, txn: number, files: readonly string[], write: () => void): void => {
    for (const file of files) say({ mark: 'begin', file, txns: [txn] });
    try {
      handle.transaction(write).immediate();
    } catch (error) {
      tellFailure(error, [txn], files);
      throw error;
    }
    for (const file of files) say({ mark: 'commit', file, txns: [txn] });
  };

  return {
    commit: (handle, file, txn) => transact(handle, txn, [file], () => applyPlan(handle, txn)),
    commitBoth: (handle, file, second, txn) =>
      transact(handle, txn, [file, second], () => {
        applyPlan(handle, txn);
        applyPlan(handle, txn, 'second');
      }),
    rollBack(handle, file, txn) {
      try {
        transact(handle, txn, [file], () => {
          applyPlan(handle, txn);
          throw new GivenUp();
        });
      } catch (error) {
        if (!(error instanceof GivenUp)) throw error;
      }
    },
    async queue(handle, file, txns) {
      say({ mark: 'begin', file, txns });
      const ends = await Promise.allSettled(
        txns.map(async txn => {
          try {
            await handle.write(() => applyPlan(handle, txn));
          } catch (error) {
            tellFailure(error, [txn], [file]);
            throw error;
          }
          say({ mark: 'commit', file, txns: [txn] });
        }),
      );
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
    async copy(file, of, run) {
      say({ mark: 'copy', file, of });
      try {
        await run();
      } catch (error) {
        // better-sqlite3 promises nothing of a destination whose backup failed.
        if (subject === 'ours') say({ mark: 'not-copied', file });
        throw error;
      }
      say({ mark: 'copied', file });
    },
  };
}

/** Raw says nothing of a failed commit, so everything is allowed; ours says when the outcome is unknown, and is held to it. */
function isRolledBack(subject: SubjectName, error: unknown): boolean {
  if (error instanceof GivenUp) return true;
  const told = error as { readonly commitOutcome?: unknown; readonly details?: { readonly commitOutcome?: unknown } };
  return subject === 'ours' && told.commitOutcome !== 'unknown' && told.details?.commitOutcome !== 'unknown';
}
