/** What the pool asks of a reader, whether it is a process or the application's own thread. */
import type { FromReader, ToReader } from './messages';

/** How a reader ended. */
export interface ReaderExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why it could not be started; `null` where it ran. */
  readonly cause: unknown;
}

/** What a reader tells. */
export interface ReaderListener {
  message(message: FromReader): void;
  /** Told once, also after `kill` and `rest`. */
  exit(exit: ReaderExit): void;
}

export interface Reader {
  /** Process id; `null` for the application's thread and for a process that could not be started. */
  readonly pid: number | null;
  send(message: ToReader): void;
  /** Ends it at once, whatever SQLite is doing. */
  kill(): void;
}
