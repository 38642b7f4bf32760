/** Implements the queue of `db.write`: which writes wait, when a batch runs, and how each promise settles. */
import { atCaller } from '../base/own-frames';
import { performance, setImmediate } from '../base/clock';
import type { Session } from '../connection/session';
import { ClosedDatabaseError, WriteQueueFullError } from '../errors/refusals';
import type { ResolvedWrites } from '../options/resolved';
import { retryWhileObstructed } from './busy-retry';
import { checkWrite, queueWrite, type QueuedWrite, type WriteCallOptions } from './queued-write';
import { WriteCounters, type WriteQueueFacts } from './counters';
import { runBatch, type BatchEnd } from './batch';
import type { WriteConnection } from './write-connection';
import { PriorityQueue } from './priority-queue';
import { gaveUp, iteratorObstacle, lockObstacle, occupied, ownObstacle, type BlockedBy } from './blocked-by';
import { RetryBudget } from './retry-budget';

/**
 * write() ──> queue ──> setImmediate ──> BEGIN IMMEDIATE, the writes, COMMIT ──> promises
 *                   ^                              │ blocked
 *                   └── jittered wait (p-retry) <──┘
 *
 * `setImmediate` runs after all callbacks of this turn of the event loop: requests that arrived together share one
 * batch, and a single one does not wait for a timer. (A microtask would run between two requests: measured under HTTP,
 * every batch then holds one write.)
 */
export class WriteQueue {
  readonly #host: WriteConnection;
  readonly #limits: ResolvedWrites;
  readonly #queue = new PriorityQueue<QueuedWrite>();
  readonly #counters = new WriteCounters();
  /** Sizes of the next batches, last first, if a batch must be smaller than usual. */
  readonly #sizes: number[] = [];
  /** Handles that are closing and wait for their last writes. */
  readonly #leaving = new Set<Session>();
  /** Ends the wait for a lock. Made by the first wait: with its abort it costs as much as three pragmas. */
  #stopping: AbortController | null = null;
  #isStopped = false;
  #scheduled = false;
  #running = false;
  #patience: RetryBudget | null = null;
  /** Failed attempts in earlier waits. Never reset: a write can span several waits. */
  #tries = 0;
  #obstacle: BlockedBy | null = null;

  constructor(host: WriteConnection, limits: ResolvedWrites) {
    this.#host = host;
    this.#limits = limits;
  }

  /** Implements `db.write`. All errors reject the promise, except for a call inside a write function, which throws. */
  write(handle: object, session: Session, fn: () => unknown, options: WriteCallOptions | undefined): Promise<unknown> {
    if (this.#host.owner !== null) throw atCaller(new TypeError('db.write() cannot be called inside a write function'));
    try {
      checkWrite(fn, options);
      if (session.refusal !== null) {
        this.#counters.rejected += 1;
        throw session.refusal();
      }
      if (this.#leaving.has(session)) throw closedError(this.#host.file);
      options?.signal?.throwIfAborted();
      if (this.#queue.size >= this.#limits.maxQueued) this.#refuse();
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const write = queueWrite({
      handle,
      fn,
      session,
      triesBefore: this.#patience?.tries ?? this.#tries,
      priority: options?.priority ?? 'normal',
      signal: options?.signal,
      onAbort: this.#abort,
    });
    this.#queue.push(write);
    this.#schedule();
    return write.promise;
  }

  /** A batch is on the stack: the caller is a write function, or a listener called by its COMMIT. */
  get isRunning(): boolean {
    return this.#running;
  }

  facts(): WriteQueueFacts {
    const oldest = this.#queue.oldest();
    return this.#counters.facts({
      queued: this.#queue.size,
      queuedByPriority: this.#queue.sizes(),
      oldestMs: oldest === undefined ? null : performance.now() - oldest.queuedAt,
      // The last obstacle stays known when no write waits for it any more.
      waitsFor: this.#patience === null ? null : (this.#obstacle?.kind ?? null),
    });
  }

  /** Accepts no further writes from this handle, and resolves when all its queued writes are settled. */
  async leave(session: Session): Promise<void> {
    this.#leaving.add(session);
    try {
      await Promise.all(this.#of(session).map(write => write.whenSettled()));
    } finally {
      this.#leaving.delete(session);
    }
  }

  /**
   * Runs at once the queued writes of this handle, and those before them. Like the synchronous calls it waits for a
   * lock with the event loop blocked; writes that still cannot run stay queued.
   */
  finish(session: Session): void {
    while (this.#of(session).length > 0 && this.#attempt(this.#host.busyTimeout.wantedMs) === null);
  }

  /** Rejects the writes that a closed handle left behind. */
  abandon(session: Session): void {
    for (const write of this.#of(session)) {
      this.#queue.remove(write);
      this.#reject(write, closedError(this.#host.file));
    }
  }

  /** Ends the wait for a lock; called once the connection is closed. */
  stop(): void {
    this.#isStopped = true;
    this.#stopping?.abort();
  }

  #stopSignal(): AbortSignal {
    const stopping = (this.#stopping ??= new AbortController());
    if (this.#isStopped) stopping.abort();
    return stopping.signal;
  }

  #of(session: Session): QueuedWrite[] {
    return [...this.#queue].filter(write => write.session === session);
  }

  #refuse(): never {
    this.#counters.refused += 1;
    const { file } = this.#host;
    throw new WriteQueueFullError(`${this.#queue.size} writes are already waiting for ${file}; this one did not run.`, {
      details: { file, queued: this.#queue.size, maxQueued: this.#limits.maxQueued },
    });
  }

  readonly #abort = (write: QueuedWrite): void => {
    if (this.#queue.remove(write)) this.#reject(write, write.signal?.reason);
  };

  #reject(write: QueuedWrite, error: unknown): void {
    this.#counters.rejected += 1;
    write.reject(error);
  }

  #schedule(): void {
    if (this.#scheduled || this.#patience !== null) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#patience !== null) return;
    const obstacle = this.#attempt(0);
    if (obstacle !== null) void this.#waitFor(obstacle);
    else if (this.#queue.size > 0) this.#schedule();
  };

  async #waitFor(first: BlockedBy): Promise<void> {
    const patience = new RetryBudget(this.#limits, this.#tries);
    this.#patience = patience;
    let obstacle: BlockedBy | null = first;
    patience.tried();
    for (let oldest = this.#queue.oldest(); obstacle !== null && oldest !== undefined; oldest = this.#queue.oldest()) {
      obstacle = await retryWhileObstructed(obstacle, () => this.#attempt(0), {
        ...this.#limits,
        ...patience.leftOf(oldest),
        signal: this.#stopSignal(),
        onWait: (met, delayMs) => {
          this.#counters.waits += 1;
          patience.tell(this.#host.hub, met, delayMs);
        },
      });
      if (obstacle !== null) this.#giveUp(obstacle, patience);
    }
    this.#tries = patience.tries;
    this.#patience = null;
    if (this.#queue.size > 0) this.#schedule();
  }

  /** Rejects writes whose retry budget is used up. */
  #giveUp(obstacle: BlockedBy, patience: RetryBudget): void {
    for (const write of this.#queue.takeSpent(each => patience.isSpent(each))) {
      this.#reject(write, gaveUp(this.#host.file, obstacle, patience.of(write)));
    }
  }

  /** Runs one batch; returns the obstacle if it could not run. */
  #attempt(busyTimeoutMs: number): BlockedBy | null {
    this.#obstacle = this.#queue.size === 0 || this.#isRefused() ? null : this.#runBatch(busyTimeoutMs);
    if (this.#obstacle !== null) this.#patience?.tried();
    return this.#obstacle;
  }

  /** Once the file is fenced nothing can be written. */
  #isRefused(): boolean {
    const { refusal } = this.#host;
    if (refusal === null) return false;
    for (let write = this.#queue.shift(); write !== undefined; write = this.#queue.shift()) {
      this.#reject(write, refusal());
    }
    return true;
  }

  #runBatch(busyTimeoutMs: number): BlockedBy | null {
    const own = ownObstacle(this.#host);
    if (own !== null) return own;
    const size = this.#sizes.at(-1) ?? this.#limits.maxBatch;
    let deadline = 0;
    const next = (taken: number): QueuedWrite | undefined => {
      if (taken === 0) {
        this.#sizes.pop();
        deadline = performance.now() + this.#limits.maxBatchMs;
      } else if (taken >= size || performance.now() >= deadline) return undefined;
      return this.#queue.shift();
    };
    this.#running = true;
    const batch = runBatch(this.#host, { next, busyTimeoutMs, alone: size === 1 || this.#queue.size === 1 });
    this.#running = false;
    return this.#conclude(batch);
  }

  #conclude(batch: BatchEnd): BlockedBy | null {
    const { writes } = batch;
    switch (batch.end) {
      case 'committed':
        this.#counters.batch(writes.length, batch.commitMs);
        for (const write of writes) this.#settle(write);
        return null;
      case 'busy':
        this.#runAgain(writes);
        return lockObstacle(batch.error);
      case 'thrown-out': {
        for (const culprit of writes.slice(-1)) this.#settle(culprit);
        // They run again in the same order: a second culprit after them cannot make them run a third time.
        this.#nextSizes(this.#runAgain(writes.slice(0, -1)));
        return null;
      }
      case 'split': {
        const size = this.#runAgain(writes);
        const half = Math.ceil(size / 2);
        this.#nextSizes(half, size - half);
        return null;
      }
      case 'failed':
        return this.#failed(writes, batch.error);
    }
  }

  #failed(writes: readonly QueuedWrite[], error: unknown): BlockedBy | null {
    // better-sqlite3 itself refuses to begin while an iterator is open or a statement runs.
    if (writes.length === 0 && error instanceof TypeError) return iteratorObstacle(this.#host) ?? occupied;
    for (const write of writes) this.#reject(write, error);
    if (writes.length > 0) return null;
    // BEGIN failed: as many as fit into one batch are rejected, the next batch tries again.
    for (let taken = 0; taken < this.#limits.maxBatch; taken += 1) {
      const write = this.#queue.shift();
      if (write === undefined) break;
      this.#reject(write, error);
    }
    return null;
  }

  /** Puts rolled-back writes back, except those that were aborted meanwhile; returns how many will run again. */
  #runAgain(writes: readonly QueuedWrite[]): number {
    const again: QueuedWrite[] = [];
    for (const write of writes) {
      if (write.signal?.aborted === true) this.#reject(write, write.signal.reason);
      else again.push(write);
    }
    this.#counters.reruns += again.length;
    this.#queue.putBack(again);
    return again.length;
  }

  /** Sets the sizes of the next batches, the first one first. */
  #nextSizes(...sizes: readonly number[]): void {
    for (const size of sizes.toReversed()) if (size > 0) this.#sizes.push(size);
  }

  /** Settles the promise, once its transaction is committed or was rolled back because of its function. */
  #settle(write: QueuedWrite): void {
    if (write.failed) this.#counters.rejected += 1;
    else this.#counters.committed += 1;
    write.settle();
  }
}

function closedError(file: string): ClosedDatabaseError {
  return new ClosedDatabaseError('The database connection is not open', {
    hint: `${file} was closed before this write could run: nothing of it is stored.`,
    details: { file },
  });
}
