/** Declares the messages between a connection and its readers: plain data that crosses processes. */
import type { JobTarget, SerializedRefusal } from '../maintenance/messages';
import type { ReadRefusal } from '../sql/read-only';

/** Form of the returned rows; `'first-column'` is better-sqlite3's `pluck`. */
export type RowForm = 'objects' | 'arrays' | 'first-column';

/** A value that SQLite can store. */
export type BindValue = null | undefined | number | string | bigint | ArrayBufferView;

/** The arguments of better-sqlite3's `statement.all`: values by position, and one object of named ones. */
export type BindArguments = readonly (BindValue | readonly BindValue[] | Readonly<Record<string, BindValue>>)[];

/** The file and the limits of a reader. */
export interface ReaderSettings {
  readonly target: JobTarget;
  /** How long a statement waits for a lock, in milliseconds. */
  readonly busyTimeoutMs: number;
  /** The module that prepares the connection; `null` for none. */
  readonly setup: string | null;
  /** Longest time for reading one piece of a result, in milliseconds. */
  readonly pieceMs: number;
}

export interface QueryMessage {
  readonly type: 'query';
  readonly id: number;
  readonly sql: string;
  /** The SQL without values, shown by `ps` while it runs. */
  readonly shape: string;
  readonly parameters: BindArguments;
  readonly rows: RowForm;
  readonly safeIntegers: boolean;
  /** Only the first row is wanted. */
  readonly once: boolean;
  readonly maxRows: number | null;
  readonly maxBytes: number | null;
  /**
   * Milliseconds until its limit. The application terminates the reader then; the reader ends itself a little later.
   */
  readonly endsInMs: number;
  /** Maximum number of pieces in transit. */
  readonly window: number;
}

/** From the connection to a reader. */
export type ToReader =
  | { readonly type: 'open'; readonly settings: ReaderSettings }
  | QueryMessage
  /** One piece was consumed: one more may be sent. */
  | { readonly type: 'more'; readonly id: number }
  /** The rest is not wanted. */
  | { readonly type: 'stop'; readonly id: number }
  /** Begins a read transaction: later queries read one snapshot. */
  | { readonly type: 'begin'; readonly id: number }
  | { readonly type: 'end'; readonly id: number }
  /** Close the connection and end. */
  | { readonly type: 'close' };

/** From a reader to the connection. */
export type FromReader =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly error: ReadFailure }
  | {
      readonly type: 'piece';
      readonly id: number;
      /** Names of the columns, once, for rows that become objects. */
      readonly columns: readonly string[] | null;
      readonly rows: readonly unknown[];
      readonly last: boolean;
    }
  /** `begin`, `end` or `stop` is done. */
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'error'; readonly id: number; readonly error: ReadFailure };

/** An error in transit between processes, which do not preserve classes. */
export type ReadFailure =
  | { readonly family: 'sqlite'; readonly code: string; readonly message: string }
  /** better-sqlite3's own error about the SQL or its parameters. */
  | { readonly family: 'argument'; readonly name: 'TypeError' | 'RangeError'; readonly message: string }
  | SerializedRefusal
  | { readonly family: 'refused'; readonly why: ReadRefusal }
  | { readonly family: 'too-large'; readonly limit: 'maxRows' | 'maxBytes'; readonly value: number }
  | { readonly family: 'setup'; readonly module: string; readonly message: string }
  | { readonly family: 'other'; readonly name: string; readonly message: string; readonly code: string | null };
