/**
 * How long SQLite itself waits for a lock, with the event loop stopped: as the application wants it, or as the write
 * queue needs it for a batch.
 *
 * What a batch needed is put back only when something else is called on the connection: parsing two PRAGMAs a batch is a
 * tenth of a commit on a fast disk, and between two writes there is often nothing else.
 */
export class BusyTimeout {
  /** What the synchronous calls of the application wait, in milliseconds: the `timeout` option, or what a PRAGMA set. */
  wantedMs: number;
  readonly #set: (milliseconds: number) => void;
  readonly #onLeft: () => void;
  #currentMs: number;
  #left = false;

  /** `set` tells SQLite; `onLeft` is called when `pending` has changed. */
  constructor(wantedMs: number, set: (milliseconds: number) => void, onLeft: () => void) {
    this.wantedMs = wantedMs;
    this.#currentMs = wantedMs;
    this.#set = set;
    this.#onLeft = onLeft;
  }

  /** What is to be called before anything else on the connection; null while SQLite waits as the application wants. */
  get pending(): (() => void) | null {
    return this.#left ? this.restore : null;
  }

  /** For a batch, until `end`. */
  begin(milliseconds: number): void {
    this.#leave(false);
    if (milliseconds === this.#currentMs) return;
    this.#set(milliseconds);
    this.#currentMs = milliseconds;
  }

  end(): void {
    this.#leave(this.#currentMs !== this.wantedMs);
  }

  /** Puts back what a batch has left. */
  readonly restore = (): void => {
    if (!this.#left) return;
    try {
      this.begin(this.wantedMs);
    } catch {
      // Whoever calls is told by SQLite what is wrong with the connection; the next call tries again.
      this.end();
    }
  };

  /** Before a PRAGMA of the application, also inside a batch: it is to see what the application has set. */
  show(): void {
    this.begin(this.wantedMs);
  }

  /** A PRAGMA of the application has set this. */
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
