/**
 * Represents one query: it waits for a reader, takes its pieces one by one, and terminates the reader if a limit is
 * exceeded.
 */
import { clearTimeout, performance, setTimeout } from '../base/clock';
import { keptAlive } from '../base/kept-alive';
import type { CheckedQuery } from './call-options';
import type { ReadOutcome } from './counters';
import type { FromReader, ReadFailure } from './messages';
import type { ReaderExit } from './reader';
import { Deadline, type Slot, type Turn, type TurnHost } from './turn';

/** The part of the pool that a query uses besides its turn. */
export interface QueryContext {
  nextId(): number;
  translate(failure: ReadFailure, turn: ReadQuery): unknown;
  lost(turn: Turn, slot: Slot, exit: ReaderExit): unknown;
  timedOut(turn: Turn, timeoutMs: number, slot: Slot | null): unknown;
  ended(outcome: ReadOutcome, queuedAt: number): void;
}

export interface NewQuery {
  readonly host: TurnHost;
  readonly context: QueryContext;
  readonly query: CheckedQuery;
  readonly shape: string;
  readonly session: object;
  /** Kept reachable while the query runs: a garbage-collected handle is closed. */
  readonly owner: object;
  readonly once: boolean;
  /** Maximum number of pieces in transit. */
  readonly window: number;
}

/** Milliseconds. A statement that does not end this long after a stop request is terminated with its reader. */
const stopMs = 100;

export class ReadQuery implements Turn {
  place = -1;
  readonly snapshot = false;
  readonly queuedAt = performance.now();
  readonly session: object;
  readonly sql: string;
  readonly query: CheckedQuery;
  readonly settled: Promise<void>;
  readonly owner: object;
  readonly #host: TurnHost;
  readonly #context: QueryContext;
  readonly #once: boolean;
  readonly #window: number;
  readonly #id: number;
  readonly #deadline: Deadline;
  readonly #pieces: unknown[][] = [];
  /** Pieces that the reader may still send. */
  #credit: number;
  #slot: Slot | null = null;
  #columns: readonly string[] | null = null;
  /** `'ending'`: its reader is being terminated; the error follows once it has ended. */
  #state: 'open' | 'stopping' | 'ending' | 'over' = 'open';
  #failure: { readonly error: unknown } | null = null;
  #cut = false;
  #waiting: PromiseWithResolvers<readonly unknown[] | null> | null = null;
  #settle: () => void = () => {};

  constructor({ host, context, query, shape, session, owner, once, window }: NewQuery) {
    this.#host = host;
    this.#context = context;
    this.query = query;
    this.sql = shape;
    this.session = session;
    this.owner = owner;
    this.#once = once;
    this.#window = window;
    this.#credit = window;
    this.#id = context.nextId();
    this.settled = new Promise(resolve => (this.#settle = resolve));
    this.#deadline = new Deadline(query, {
      timeout: () => this.expire(),
      abort: reason => this.#end(reason, 'aborted'),
    });
  }

  /** Returns the rows of the next piece, which is not empty except for the last one; `null` after that. */
  next(): Promise<readonly unknown[] | null> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      if (this.#state === 'open') this.#more();
      return Promise.resolve(piece);
    }
    if (this.#failure !== null) return Promise.reject(this.#failure.error as Error);
    // While its reader is being terminated, the error is pending: ending here would pass a part for the whole.
    if (this.#state === 'stopping' || this.#state === 'over') return Promise.resolve(null);
    this.#waiting = Promise.withResolvers();
    return keptAlive(this.#waiting.promise);
  }

  /**
   * False once the query was ended from here: no row may follow, not even one that has arrived. Ends a query that is over its
   * limit: a loop that never waits keeps the timers of the limits from running.
   */
  allowsRow(): boolean {
    if (this.#state === 'open') {
      if (this.#deadline.isDue) this.expire();
      else if (this.#host.isOver()) this.#cutOff();
    }
    return !this.#cut;
  }

  get isPaused(): boolean {
    return this.#state === 'open' && this.#credit === 0;
  }

  /** The caller needs no more rows. Resolves when the reader has reset the statement, or has ended. */
  async stop(): Promise<void> {
    this.#pieces.length = 0;
    if (this.#state !== 'open') return;
    if (this.#slot === null) {
      this.#host.withdraw(this);
      return this.#over('aborted');
    }
    this.#state = 'stopping';
    this.#slot.send({ type: 'stop', id: this.#id });
    const timer = setTimeout(() => this.#end(null, 'aborted'), stopMs);
    await this.settled;
    clearTimeout(timer);
  }

  begin(slot: Slot): void {
    this.#slot = slot;
    const { sql, parameters, rows, safeIntegers, maxRows, maxBytes } = this.query;
    const once = this.#once;
    const id = this.#id;
    slot.send({
      type: 'query',
      endsInMs: this.query.timeoutMs - (performance.now() - this.queuedAt),
      shape: this.sql,
      id,
      sql,
      parameters,
      rows,
      safeIntegers,
      once,
      maxRows,
      maxBytes,
      window: this.#window,
    });
  }

  message(message: FromReader): void {
    if (!('id' in message) || message.id !== this.#id || this.#slot === null) return;
    if (message.type === 'piece') this.#receive(message);
    else if (message.type === 'error') this.#concludeWith(message.error);
    else this.#release('aborted');
  }

  lost(slot: Slot, exit: ReaderExit): void {
    this.#slot = null;
    this.#reject(this.#context.lost(this, slot, exit), 'failed');
  }

  get isDue(): boolean {
    return this.#deadline.isDue;
  }

  expire(): void {
    this.#end(this.#context.timedOut(this, this.query.timeoutMs, this.#slot), 'timeout');
  }

  fail(error: unknown): void {
    this.#end(error, 'failed');
  }

  /** The reason of the failure; `undefined` if there was no failure. */
  get failure(): unknown {
    return this.#failure?.error;
  }

  /** Ends the query; its reader has ended, or belongs to another turn. */
  drop(error: unknown): void {
    if (this.#state === 'over') return;
    this.#slot = null;
    this.#cutOff();
    this.#reject(error, 'failed');
  }

  #more(): void {
    this.#credit += 1;
    this.#slot?.send({ type: 'more', id: this.#id });
  }

  #cutOff(): void {
    this.#cut = true;
    this.#pieces.length = 0;
  }

  #receive(piece: FromReader & { readonly type: 'piece' }): void {
    if (this.#state === 'stopping') {
      if (piece.last) this.#release('aborted');
      return;
    }
    this.#columns ??= piece.columns;
    const rows = this.query.rows === 'objects' ? objectsOf(this.#columns ?? [], piece.rows) : [...piece.rows];
    const waiting = this.#waiting;
    if (rows.length > 0 && waiting === null) this.#pieces.push(rows);
    this.#credit -= 1;
    if (piece.last) this.#release('done');
    else if (rows.length > 0 && waiting !== null) this.#more();
    else if (this.isPaused) this.#host.paused(this);
    this.#waiting = null;
    waiting?.resolve(rows.length > 0 ? rows : null);
  }

  #concludeWith(failure: ReadFailure): void {
    if (this.#state === 'stopping') return this.#release('aborted');
    const slot = this.#slot;
    this.#slot = null;
    // Released first: translating the failure may fence the file, which ends every turn.
    if (slot !== null) this.#host.release(slot, this);
    this.#reject(this.#context.translate(failure, this), 'failed');
  }

  #release(outcome: ReadOutcome): void {
    const slot = this.#slot;
    this.#slot = null;
    this.#over(outcome);
    if (slot !== null) this.#host.release(slot, this);
  }

  /** Ends the query, and with it the reader that has started it. */
  #end(error: unknown, outcome: ReadOutcome): void {
    if (this.#state === 'over' || this.#state === 'ending') return;
    this.#cutOff();
    const slot = this.#slot;
    this.#slot = null;
    if (slot === null) {
      this.#host.withdraw(this);
      return this.#reject(error, outcome);
    }
    this.#state = 'ending';
    this.#deadline.disarm();
    this.#host.kill(slot, this, () => this.#reject(error, outcome));
  }

  #reject(error: unknown, outcome: ReadOutcome): void {
    this.#failure ??= { error };
    this.#over(outcome);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(this.#failure.error);
  }

  #over(outcome: ReadOutcome): void {
    this.#state = 'over';
    this.#deadline.disarm();
    this.#context.ended(outcome, this.queuedAt);
    this.#settle();
  }
}

/** Builds rows as better-sqlite3 does: plain objects. */
function objectsOf(columns: readonly string[], rows: readonly unknown[]): unknown[] {
  const hasProto = columns.includes('__proto__');
  return (rows as readonly unknown[][]).map(values => {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < columns.length; index++) {
      const name = columns[index] ?? '';
      const value = values[index];
      if (hasProto) Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
      else row[name] = value;
    }
    return row;
  });
}
