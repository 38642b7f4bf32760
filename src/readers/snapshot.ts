/**
 * Runs several queries on one snapshot: a reader in one read transaction. Its queries run one after another; beside an
 * `iterate` whose loop has rows to take, the next one runs, because that loop may wait for it.
 */
import { performance } from '../base/clock';
import { keptAlive } from '../base/kept-alive';
import type { Limits } from './call-options';
import type { FromReader } from './messages';
import type { QueryContext } from './read-query';
import type { ReaderExit } from './reader';
import { Deadline, type Slot, type Turn, type TurnHost } from './turn';

export interface NewSnapshot {
  readonly host: TurnHost;
  readonly context: QueryContext & { translateBegin(message: FromReader & { type: 'error' }): unknown };
  readonly limits: Limits;
  readonly session: object;
  readonly owner: object;
}

export class SnapshotTurn implements Turn, TurnHost {
  place = -1;
  readonly snapshot = true;
  readonly queuedAt = performance.now();
  readonly session: object;
  readonly owner: object;
  readonly settled: Promise<void>;
  /** Rejects when the snapshot cannot continue; never resolves. */
  readonly failed: Promise<never>;
  readonly #host: TurnHost;
  readonly #context: NewSnapshot['context'];
  readonly #deadline: Deadline;
  readonly #timeoutMs: number;
  readonly #id: number;
  readonly #started = Promise.withResolvers<void>();
  readonly #waiting: Turn[] = [];
  #slot: Slot | null = null;
  /** In the order of their begin. */
  readonly #running = new Set<Turn>();
  #state: 'queued' | 'open' | 'ending' | 'over' = 'queued';
  #failure: { readonly error: unknown } | null = null;
  #settle: () => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor({ host, context, limits, session, owner }: NewSnapshot) {
    this.#host = host;
    this.#context = context;
    this.session = session;
    this.owner = owner;
    this.#id = context.nextId();
    this.#timeoutMs = limits.timeoutMs;
    this.settled = new Promise(resolve => (this.#settle = resolve));
    this.failed = new Promise((_resolve, reject) => (this.#fail = reject));
    // Handled by the waiting caller; before and after that there is none.
    this.failed.catch(() => {});
    this.#started.promise.catch(() => {});
    this.#deadline = new Deadline(limits, {
      timeout: () => this.expire(),
      abort: reason => this.#end(reason, 'aborted'),
    });
  }

  get sql(): string | null {
    return [...this.#running].at(-1)?.sql ?? null;
  }

  get isPaused(): boolean {
    return false;
  }

  /** Resolves when the read transaction is open and its snapshot is fixed. */
  get started(): Promise<void> {
    return keptAlive(this.#started.promise);
  }

  /** True if the snapshot is open and has a reader of `host`. */
  holdsReaderOf(host: TurnHost): boolean {
    return this.#host === host && this.#state === 'open';
  }

  /** Ends the transaction. A running query is terminated with its reader. */
  async finish(outcome: 'done' | 'failed'): Promise<void> {
    const slot = this.#slot;
    if (this.#state === 'over' || slot === null) return;
    if (this.#running.size > 0 || this.#waiting.length > 0) {
      return this.#end(new TypeError('The snapshot is over: its function has returned before this query.'), outcome);
    }
    this.#state = 'ending';
    this.#outcome = outcome;
    slot.send({ type: 'end', id: this.#id });
    await keptAlive(this.settled);
  }

  #outcome: 'done' | 'failed' = 'done';

  // Called by the pool, as a turn.

  begin(slot: Slot): void {
    this.#slot = slot;
    slot.send({ type: 'begin', id: this.#id });
  }

  message(message: FromReader): void {
    if (!('id' in message)) return;
    if (message.id !== this.#id) {
      for (const query of this.#running) query.message(message);
      return;
    }
    if (message.type === 'error') return this.#end(this.#context.translateBegin(message), 'failed');
    if (this.#state === 'queued') {
      this.#state = 'open';
      this.#started.resolve();
      return this.#next();
    }
    const slot = this.#slot;
    this.#slot = null;
    this.#over(this.#outcome);
    if (slot !== null) this.#host.release(slot, this);
  }

  lost(slot: Slot, exit: ReaderExit): void {
    this.#slot = null;
    this.#reject(this.#context.lost(this, slot, exit), 'failed');
  }

  get #due(): Turn | undefined {
    return [...this.#running].find(({ isDue }) => isDue);
  }

  /** True also when a query that runs is over its own limit. */
  get isDue(): boolean {
    return this.#deadline.isDue || this.#due !== undefined;
  }

  expire(): void {
    const query = this.#due;
    if (!this.#deadline.isDue && query !== undefined) return query.expire();
    this.#end(this.#context.timedOut(this, this.#timeoutMs, this.#slot), 'timeout');
  }

  fail(error: unknown): void {
    this.#end(error, 'failed');
  }

  drop(error: unknown): void {
    if (this.#state === 'over') return;
    this.#slot = null;
    this.#reject(error, 'failed');
  }

  get failure(): unknown {
    return this.#failure?.error;
  }

  // Called by its own queries, as their host.

  submit(turn: Turn): void {
    if (this.#state === 'ending' || this.#state === 'over') {
      return turn.fail(this.#failure?.error ?? new TypeError('The snapshot is over: its function has returned.'));
    }
    this.#waiting.push(turn);
    this.#next();
  }

  withdraw(turn: Turn): void {
    const at = this.#waiting.indexOf(turn);
    if (at !== -1) this.#waiting.splice(at, 1);
  }

  release(_slot: Slot, turn: Turn): void {
    this.#running.delete(turn);
    this.#next();
  }

  paused(): void {
    this.#next();
  }

  /** Ending the reader of a query ends the snapshot. */
  kill(slot: Slot, turn: Turn, gone: () => void): void {
    this.#running.delete(turn);
    this.#slot = null;
    this.#host.kill(slot, this, () => {
      gone();
      this.#reject(turn.failure ?? new TypeError('A query of the snapshot was ended.'), 'failed');
    });
  }

  isOver(): boolean {
    if (this.#state === 'open' && this.#deadline.isDue) this.expire();
    return this.#state === 'over' || this.#slot === null;
  }

  #next(): void {
    if (this.#state !== 'open' || this.#slot === null) return;
    for (const { isPaused } of this.#running) if (!isPaused) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#running.add(next);
    next.begin(this.#slot);
  }

  #end(error: unknown, outcome: 'done' | 'failed' | 'timeout' | 'aborted'): void {
    if (this.#state === 'over') return;
    const slot = this.#slot;
    this.#slot = null;
    if (slot === null) {
      this.#host.withdraw(this);
      return this.#reject(error, outcome);
    }
    this.#state = 'over';
    this.#deadline.disarm();
    this.#host.kill(slot, this, () => this.#reject(error, outcome));
  }

  #reject(error: unknown, outcome: 'done' | 'failed' | 'timeout' | 'aborted'): void {
    this.#failure ??= { error };
    this.#over(outcome);
    const queries = [...this.#running, ...this.#waiting.splice(0)];
    this.#running.clear();
    for (const query of queries) query.drop(error);
    this.#started.reject(error);
    this.#fail(error);
  }

  #over(outcome: 'done' | 'failed' | 'timeout' | 'aborted'): void {
    this.#state = 'over';
    this.#deadline.disarm();
    this.#context.ended(outcome, this.queuedAt);
    this.#settle();
  }
}
