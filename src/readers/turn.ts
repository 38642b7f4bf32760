/** Represents one use of a reader, from the call to its end: a query or a snapshot. */
import { clearTimeout, performance, setTimeout } from '../base/clock';
import type { FairItem } from './fair-queue';
import type { FromReader, ToReader } from './messages';
import type { ReaderExit } from './reader';

/** A reader as seen by the turn that has it. */
export interface Slot {
  readonly pid: number | null;
  send(message: ToReader): void;
}

/** The host of a turn: the pool, or the snapshot for its queries. */
export interface TurnHost {
  submit(turn: Turn): void;
  /** Removes a turn that has not started. */
  withdraw(turn: Turn): void;
  /** The reader has completed the turn. */
  release(slot: Slot, turn: Turn): void;
  /** The reader has sent all that the turn allows, and waits until its rows are taken. */
  paused(turn: Turn): void;
  /** Ends the reader; `gone` is called when it has ended, or after a short wait. */
  kill(slot: Slot, turn: Turn, gone: () => void): void;
  /** True once the host ends its turns, which it does itself where it is over a limit of its own. */
  isOver(): boolean;
}

export interface Turn extends FairItem {
  /** Shape of the running SQL; `null` for a snapshot between two queries. */
  readonly sql: string | null;
  readonly snapshot: boolean;
  /** True while the reader waits until the caller takes the rows that it has sent. */
  readonly isPaused: boolean;
  /** Resolves when the call is over; never rejects. */
  readonly settled: Promise<void>;
  begin(slot: Slot): void;
  message(message: FromReader): void;
  /** The reader of the turn ended unexpectedly. */
  lost(slot: Slot, exit: ReaderExit): void;
  /** True after the time limit: a reader whose query is over it ends itself if the application has not done so. */
  readonly isDue: boolean;
  /** The reader of the turn has ended itself at the time limit. */
  expire(): void;
  /** Ends the turn, and its reader with it if it has started. */
  fail(error: unknown): void;
  /** Ends the turn; its reader has ended, or belongs to another turn. */
  drop(error: unknown): void;
  /** The reason of the failure; `undefined` if there was no failure. */
  readonly failure: unknown;
}

/** Calls `timeout` or `abort` once, unless it is disarmed before. The timer does not keep the process alive. */
export class Deadline {
  readonly #timer: NodeJS.Timeout;
  readonly #at: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;
  /** A timer may fire a fraction of a millisecond early. */
  #fired = false;

  constructor(
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
    on: { readonly timeout: () => void; readonly abort: (reason: unknown) => void },
  ) {
    this.#at = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => {
      this.#fired = true;
      on.timeout();
    }, timeoutMs).unref();
    this.#signal = signal;
    this.#onAbort = () => on.abort(signal?.reason);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get isDue(): boolean {
    return this.#fired || performance.now() >= this.#at;
  }

  disarm(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
