/**
 * Manages how long SQLite itself waits for a lock, with the event loop blocked: as the application set it, or as the
 * write queue needs it for a batch.
 *
 * The setting of a batch is restored only before the next other call on the connection: parsing two PRAGMAs per batch
 * costs a tenth of a commit on a fast disk, and between two writes there is often no other call.
 */
export class BusyTimeout {
  /** Wait of the application's synchronous calls, in milliseconds: the `timeout` option, or the value of a PRAGMA. */
  wantedMs: number;
  readonly #set: (milliseconds: number) => void;
  readonly #onLeft: () => void;
  #currentMs: number;
  #left = false;

  /** `set` sets the timeout in SQLite; `onLeft` is called when `pending` has changed. */
  constructor(wantedMs: number, set: (milliseconds: number) => void, onLeft: () => void) {
    this.wantedMs = wantedMs;
    this.#currentMs = wantedMs;
    this.#set = set;
    this.#onLeft = onLeft;
  }

  /** The function to call before anything else on the connection; null while SQLite waits as the application set it. */
  get pending(): (() => void) | null {
    return this.#left ? this.restore : null;
  }

  /** Sets the timeout of a batch, until `end`. */
  begin(milliseconds: number): void {
    this.#leave(false);
    if (milliseconds === this.#currentMs) return;
    this.#set(milliseconds);
    this.#currentMs = milliseconds;
  }

  end(): void {
    this.#leave(this.#currentMs !== this.wantedMs);
  }

  /** Restores the application's timeout after a batch. */
  readonly restore = (): void => {
    if (!this.#left) return;
    try {
      this.begin(this.wantedMs);
    } catch {
      // SQLite reports the problem of the connection to the caller; the next call tries again.
      this.end();
    }
  };

  /** Before a PRAGMA of the application, even inside a batch: it must see the application's own value. */
  show(): void {
    this.begin(this.wantedMs);
  }

  /** A PRAGMA of the application has set this value. */
  follow(milliseconds: number): void {
    this.wantedMs = milliseconds;
    this.#currentMs = milliseconds;
    this.#leave(false);
  }

  #leave(left: boolean): void {
    if (left === this.#left) return;
    this.#left = left;
    this.#onLeft();
  }
}
