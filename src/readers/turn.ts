/** One use of a reader, from the call to its end: a query or a snapshot. */
import { clearTimeout, setTimeout } from '../base/clock';
import type { FairItem } from './fair-queue';
import type { FromReader, ToReader } from './messages';
import type { ReaderExit } from './reader';

/** A reader as the turn that has it sees it. */
export interface Slot {
  readonly pid: number | null;
  send(message: ToReader): void;
}

/** What a turn runs in: the pool, or for the queries of a snapshot that snapshot. */
export interface TurnHost {
  submit(turn: Turn): void;
  /** Takes a turn out that has not begun. */
  withdraw(turn: Turn): void;
  /** The reader has done all that the turn asked for. */
  release(slot: Slot, turn: Turn): void;
  /** Ends the reader; `gone` is called when it is, or after a moment. */
  kill(slot: Slot, turn: Turn, gone: () => void): void;
}

export interface Turn extends FairItem {
  /** Shape of the SQL that runs; `null` for a snapshot between two queries. */
  readonly sql: string | null;
  readonly snapshot: boolean;
  /** Resolves when the call is over; never rejects. */
  readonly settled: Promise<void>;
  begin(slot: Slot): void;
  message(message: FromReader): void;
  /** The reader of the turn ended without having been told to. */
  lost(slot: Slot, exit: ReaderExit): void;
  /** Ends the turn, and its reader with it where it has begun. */
  fail(error: unknown): void;
  /** Ends the turn, whose reader is gone or somebody else's. */
  drop(error: unknown): void;
  /** Why it failed; `undefined` where it did not. */
  readonly failure: unknown;
}

/** Calls `onTimeout` or `onAbort` once, unless it is disarmed before. The timer does not keep the process alive. */
export class Deadline {
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: () => void;

  constructor(
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
    on: { readonly timeout: () => void; readonly abort: (reason: unknown) => void },
  ) {
    this.#timer = setTimeout(on.timeout, timeoutMs).unref();
    this.#signal = signal;
    this.#onAbort = () => on.abort(signal?.reason);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  disarm(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}
