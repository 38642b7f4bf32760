/** Failures of SQLite on one connection that an operator wants to know of, counted by the class of their error. */
import { performance } from '../base/clock';
import { lineageOf } from '../errors/class-brand';
import type { SqliteResultError } from '../errors/sqlite-errors';
import type { SqliteErrorName } from '../errors/result-codes/row';

/** Of the storage, of locks, of memory. What is wrong with a statement or its data is the application's own matter. */
const counted = [
  'SqliteBusyError',
  'SqliteBusySnapshotError',
  'SqliteBusyRecoveryError',
  'SqliteLockedError',
  'SqliteFullError',
  'SqliteFsyncError',
  'SqliteReadError',
  'SqliteWriteError',
  'SqliteSharedMemoryError',
  'SqliteFileLockError',
  'SqliteIoError',
  'SqliteCorruptError',
  'SqliteNotADatabaseError',
  'SqliteCantOpenError',
  'SqliteReadonlyError',
  'SqliteProtocolError',
  'SqliteOutOfMemoryError',
] as const satisfies readonly SqliteErrorName[];

export type FaultCounts = Readonly<Record<(typeof counted)[number], number>>;

export class FaultCounters {
  readonly #counts = new Map<string, number>(counted.map(name => [name, 0]));
  /** ms of the monotonic clock. */
  #fullAt: number | null = null;

  /** Milliseconds since something found no room; `null` when nothing ever did. */
  get fullAgeMs(): number | null {
    return this.#fullAt === null ? null : performance.now() - this.#fullAt;
  }

  count(error: SqliteResultError): void {
    const [name = ''] = lineageOf(error);
    if (name === 'SqliteFullError') this.#fullAt = performance.now();
    const before = this.#counts.get(name);
    if (before !== undefined) this.#counts.set(name, before + 1);
  }

  /** Each class with its number; the ones that never occurred with 0, because a counter that appears is not seen to rise. */
  read(): FaultCounts {
    return Object.fromEntries(this.#counts) as unknown as FaultCounts;
  }
}
