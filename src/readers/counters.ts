/** Counts the work of the readers of one database, in numbers that a metrics page can use directly. */
import { Buckets, type Histogram } from '../base/histogram';
import type { RunningRead } from '../events/event-map';

/** Facts about the readers of one database, counted since it was opened. */
export interface ReaderFacts {
  /**
   * `'processes'`; `'thread'`: no process is available, queries run in the application's thread; `'off'`: switched off.
   */
  readonly mode: 'processes' | 'thread' | 'off';
  /** Why queries run in the application's thread, with the remedy if there is one; `null` if they do not. */
  readonly obstacle: string | null;
  /** Maximum number of reader processes. */
  readonly max: number;
  /** Number of reader processes. */
  readonly processes: number;
  /** Of these, processes that run a query or a snapshot. */
  readonly busy: number;
  /** Calls that wait for a reader. */
  readonly queued: number;
  /** How long the oldest of them has waited, in milliseconds; `null` if none waits. */
  readonly oldestMs: number | null;
  /** Oldest first. */
  readonly running: readonly RunningRead[];
  /** Calls by outcome; `refused` by a full queue. */
  readonly counts: Readonly<Record<ReadOutcome, number>>;
  /** Processes started, terminated by this library to stop a query, and lost. */
  readonly started: number;
  readonly killed: number;
  readonly lost: number;
  /** Milliseconds from call to end, including the wait. */
  readonly durationMs: Histogram;
}

export type ReadOutcome = 'done' | 'failed' | 'timeout' | 'aborted' | 'refused';

/** Milliseconds, from a lookup by key to a report. */
const durationBounds = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000];

/** Only the pool changes it. */
export class ReadCounters {
  started = 0;
  killed = 0;
  lost = 0;
  readonly #counts: Record<ReadOutcome, number> = { done: 0, failed: 0, timeout: 0, aborted: 0, refused: 0 };
  readonly #durationMs = new Buckets(durationBounds);

  ended(outcome: ReadOutcome, durationMs: number): void {
    this.#counts[outcome] += 1;
    if (outcome !== 'refused') this.#durationMs.add(durationMs);
  }

  facts(
    now: Pick<ReaderFacts, 'mode' | 'obstacle' | 'max' | 'processes' | 'busy' | 'queued' | 'oldestMs' | 'running'>,
  ): ReaderFacts {
    const { started, killed, lost } = this;
    return { ...now, counts: { ...this.#counts }, started, killed, lost, durationMs: this.#durationMs.read() };
  }
}
