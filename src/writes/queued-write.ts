/** One call of `db.write` on its way: the function, its promise, and what became of it so far. */
import { AsyncResource } from 'node:async_hooks';
import { isPromise, isAsyncFunction } from 'node:util/types';
import { performance } from '../base/clock';
import { isThenable } from '../base/thenable';
import type { Session } from '../connection/session';
import { type WritePriority, priorities } from './priority-queue';
import { choiceOption, refuseOption } from '../options/checks';
import { checkOptionNames } from '../options/option-names';

/** Options of one `db.write` call. */
export interface WriteCallOptions {
  /**
   * Takes the write out of the queue while it has not begun; its promise then rejects with the reason of the signal.
   * Once its batch runs the signal keeps the write only from running again, where that is rolled back because of others:
   * the promise tells what became of it.
   */
  signal?: AbortSignal | undefined;
  /**
   * Who goes first when more writes wait than one batch takes; what waits together is usually committed together.
   * `'high'` for what a person waits for, `'low'` for imports and cleaning up.
   *
   * Within one priority the order is first in, first out. Of every eight writes one is the oldest that waits, whatever
   * its priority, so that nobody waits for ever.
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
  /** The `Database` that was asked. Nobody reads it; it is reachable while the write waits, since a forgotten one is closed. */
  readonly handle: object;
  readonly session: Session;
  /** Milliseconds of the monotonic clock. */
  readonly queuedAt: number;
  /** Tries that the queue had made in vain when this write came. */
  readonly triesBefore: number;
  readonly signal: AbortSignal | undefined;
  readonly promise: Promise<unknown>;
  /** Resolves when `promise` is settled. Who awaits that one itself takes its rejection away from the process. */
  whenSettled(): Promise<void>;
  /** Runs the function once and keeps what came of it. Never throws. */
  run(): void;
  /** Makes the last run count as failed. */
  fail(error: unknown): void;
  /** Whether the last run failed. */
  readonly failed: boolean;
  /** Settles the promise with what the last run brought: called once its transaction is committed. */
  settle(): void;
  /** Settles the promise with an error: nothing of the write is stored, or the error says what is known. */
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

/** A class for speed alone: one object a write, no closures but those of its promise. */
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
 * Nobody else can hear of the failure of `promise`. Its own `then` is not called: that of a query builder begins the
 * query, which would be stored although its write is rejected.
 */
function ignoreFailure(promise: Promise<unknown>): void {
  void Promise.prototype.then.call(promise, undefined, () => {});
}

export function queueWrite(write: NewWrite): QueuedWrite {
  return new Write(write);
}

// The arguments of `db.write`, checked before anything is queued.

const optionNames = ['signal', 'priority'] as const satisfies readonly (keyof WriteCallOptions)[];

/** Throws `TypeError` and `InvalidOptionError`. */
export function checkWrite(fn: unknown, options: WriteCallOptions | undefined): void {
  if (typeof fn !== 'function') throw new TypeError('Expected first argument to be a function');
  if (isAsyncFunction(fn)) throw new TypeError('Write function cannot be async: it would go on outside of its batch');
  if (options === undefined) return;
  checkOptionNames(options, optionNames, '');
  const { signal, priority } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuseOption('signal', 'an AbortSignal', signal);
  choiceOption('priority', priority, 'normal', priorities);
}
