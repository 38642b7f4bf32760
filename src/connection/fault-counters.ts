/** Counts the failures of SQLite on one connection that matter to an operator, by error class. */
import { performance } from '../base/clock';
import { lineageOf } from '../errors/class-brand';
import type { SqliteResultError } from '../errors/sqlite-errors';
import type { SqliteErrorName } from '../errors/result-codes/row';

/** Failures of the storage, of locks, of memory. A faulty statement or its data concerns the application only. */
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
  /** Milliseconds of the monotonic clock. */
  #fullAt: number | null = null;

  /** Milliseconds since the disk was last full; `null` if it never was. */
  get fullAgeMs(): number | null {
    return this.#fullAt === null ? null : performance.now() - this.#fullAt;
  }

  count(error: SqliteResultError): void {
    const [name = ''] = lineageOf(error);
    if (name === 'SqliteFullError') this.foundNoRoom();
    const before = this.#counts.get(name);
    if (before !== undefined) this.#counts.set(name, before + 1);
  }

  /** A quota, and a disk whose last block another program took, have the code of a failed write. */
  foundNoRoom(): void {
    this.#fullAt = performance.now();
  }

  /**
   * Returns each class with its count, including zeros: the first rise of a counter that only then appears would go
   * unseen.
   */
  read(): FaultCounts {
    return Object.fromEntries(this.#counts) as unknown as FaultCounts;
  }
}
