/** Declares what the pool needs of a reader, be it a process or the application's own thread. */
import type { FromReader, ToReader } from './messages';

/** How a reader ended. */
export interface ReaderExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Why it could not be started; `null` if it ran. */
  readonly cause: unknown;
}

/** The events of a reader. */
export interface ReaderListener {
  message(message: FromReader): void;
  /** Called once, also after `kill` and `rest`. */
  exit(exit: ReaderExit): void;
}

export interface Reader {
  /** Process id; `null` for the application's thread and for a process that could not be started. */
  readonly pid: number | null;
  send(message: ToReader): void;
  /** Ends it at once, whatever SQLite is doing. */
  kill(): void;
}
