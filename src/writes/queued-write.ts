/** Represents one `db.write` call: its function, its promise, and its state. */
import { atCaller } from '../base/own-frames';
import { AsyncResource } from 'node:async_hooks';
import { isAsyncFunction, isGeneratorFunction, isPromise } from 'node:util/types';
import { performance } from '../base/clock';
import { isThenable } from '../base/thenable';
import type { Session } from '../connection/session';
import { type WritePriority, priorities } from './priority-queue';
import { choiceOption, refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';

/** Options of one `db.write` call. */
export interface WriteCallOptions {
  /**
   * Removes the write from the queue if it has not started; its promise then rejects with the reason of the signal.
   * Once its batch runs, the signal only keeps the write from running again after a rollback caused by other writes:
   * the promise reports the result.
   */
  signal?: AbortSignal | undefined;
  /**
   * Order of writes when more wait than fit into one batch; writes that wait together are usually committed together.
   * `'high'` for requests of users, `'low'` for imports and clean-up.
   *
   * Within one priority the order is first in, first out. Of every eight writes one is the oldest that waits, whatever
   * its priority, so none waits for ever.
   *
   * @default 'normal'
   */
  priority?: WritePriority | undefined;
}

export interface QueuedWrite {
  /** Written by the queue. */
  place: number;
  /** Written by the queue. */
  order: number;
  readonly priority: WritePriority;
  /**
   * The `Database` of the call. It is not read, only kept reachable while the write waits: a garbage-collected handle
   * is closed.
   */
  readonly handle: object;
  readonly session: Session;
  /** Milliseconds of the monotonic clock. */
  readonly queuedAt: number;
  /** Failed attempts of the queue before this write arrived. */
  readonly triesBefore: number;
  readonly signal: AbortSignal | undefined;
  readonly promise: Promise<unknown>;
  /** Resolves when `promise` is settled. Awaiting `promise` itself would mark its rejection as handled. */
  whenSettled(): Promise<void>;
  /** Runs the function once and keeps its result. Never throws. */
  run(): void;
  /** Makes the last run count as failed. */
  fail(error: unknown): void;
  /** True if the last run failed. */
  readonly failed: boolean;
  /** Settles the promise with the result of the last run; called once its transaction is committed. */
  settle(): void;
  /** Settles the promise with an error: nothing of the write is stored, or the error tells what is known. */
  reject(error: unknown): void;
}

export interface NewWrite {
  readonly handle: object;
  readonly fn: () => unknown;
  readonly session: Session;
  readonly triesBefore: number;
  readonly priority: WritePriority;
  readonly signal: AbortSignal | undefined;
  /** Called when the signal fires before the promise is settled. */
  readonly onAbort: (write: QueuedWrite) => void;
}

/** A class for speed: one object per write, and no closures except those of its promise. */
class Write implements QueuedWrite {
  place = -1;
  order = -1;
  failed = false;
  readonly handle: object;
  readonly session: Session;
  readonly queuedAt = performance.now();
  readonly triesBefore: number;
  readonly priority: WritePriority;
  readonly promise: Promise<unknown>;
  readonly #fn: () => unknown;
  /** The function sees the `AsyncLocalStorage` of its own caller, not of the one that woke the queue. */
  readonly #context = new AsyncResource('SafeSqliteWrite');
  readonly signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  #resolve: (value: unknown) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #outcome: unknown;
  #settled: PromiseWithResolvers<void> | null = null;

  constructor({ handle, fn, session, triesBefore, priority, signal, onAbort }: NewWrite) {
    this.handle = handle;
    this.#fn = fn;
    this.session = session;
    this.triesBefore = triesBefore;
    this.priority = priority;
    this.signal = signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal !== undefined) {
      this.#onAbort = () => onAbort(this);
      signal.addEventListener('abort', this.#onAbort, { once: true });
    }
  }

  whenSettled(): Promise<void> {
    this.#settled ??= Promise.withResolvers();
    return this.#settled.promise;
  }

  run(): void {
    this.failed = false;
    try {
      const value: unknown = this.#context.runInAsyncScope(this.#fn);
      if (isThenable(value)) {
        if (isPromise(value)) ignoreFailure(value);
        this.fail(new TypeError('Write function cannot return a promise'));
      } else this.#outcome = value;
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    this.failed = true;
    this.#outcome = error;
  }

  settle(): void {
    if (this.failed) this.reject(this.#outcome);
    else {
      this.#resolve(this.#outcome);
      this.#ended();
    }
  }

  reject(error: unknown): void {
    this.#reject(error);
    this.#ended();
  }

  #ended(): void {
    if (this.#onAbort !== undefined) this.signal?.removeEventListener('abort', this.#onAbort);
    if (this.#settled !== null) this.#settled.resolve();
  }
}

/**
 * Handles the rejection of `promise`, which no caller can see. Its own `then` is not called: that of a query builder
 * would start the query and store it although its write is rejected.
 */
function ignoreFailure(promise: Promise<unknown>): void {
  void Promise.prototype.then.call(promise, undefined, () => {});
}

export function queueWrite(write: NewWrite): QueuedWrite {
  return new Write(write);
}

// Checks the arguments of `db.write` before anything is queued.

const optionNames = ['signal', 'priority'] as const satisfies readonly (keyof WriteCallOptions)[];

/** Throws `TypeError` and `InvalidOptionError`. */
export function checkWrite(fn: unknown, options: WriteCallOptions | undefined): void {
  if (typeof fn !== 'function') throw atCaller(new TypeError('Expected first argument to be a function'));
  if (isAsyncFunction(fn))
    throw atCaller(new TypeError('Write function cannot be async: it would continue outside its batch'));
  if (isGeneratorFunction(fn))
    throw atCaller(new TypeError('Write function cannot be a generator: calling it runs nothing of its body'));
  if (options === undefined) return;
  checkOptionNames(options, optionNames, '');
  const { signal, priority } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuseOption('signal', 'an AbortSignal', signal);
  choiceOption('priority', priority, 'normal', priorities);
}
