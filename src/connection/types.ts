/** The public types of the drop-in surface, assignable to and from those of `@types/better-sqlite3`. */

// oxlint-disable-next-line typescript/no-explicit-any -- the parameters of a user's function are the user's
export type VariableArgFunction = (...params: any[]) => unknown;

export interface RunResult {
  /** Rows inserted, updated or deleted by this statement. */
  changes: number;
  /** Rowid of the last row inserted into this database; a bigint with safe integers. */
  lastInsertRowid: number | bigint;
}

export interface ColumnDefinition {
  name: string;
  column: string | null;
  table: string | null;
  database: string | null;
  type: string | null;
}

export interface PragmaOptions {
  /** Return the first column of the first row instead of all rows. Default `false`. */
  simple?: boolean | undefined;
}

export interface SerializeOptions {
  /** Schema to serialize. Default `'main'`. */
  attached?: string;
}

export interface RegistrationOptions {
  varargs?: boolean | undefined;
  deterministic?: boolean | undefined;
  safeIntegers?: boolean | undefined;
  directOnly?: boolean | undefined;
}

type ElementOf<T> = T extends Array<infer E> ? E : T;

export interface AggregateOptions<T> extends RegistrationOptions {
  start?: T | (() => T);
  step: (total: T, next: ElementOf<T>) => T | void;
  inverse?: ((total: T, dropped: T) => T) | undefined;
  result?: ((total: T) => unknown) | undefined;
}

export interface VirtualTableOptions {
  rows: (...params: unknown[]) => Generator;
  columns: string[];
  parameters?: string[] | undefined;
  safeIntegers?: boolean | undefined;
  directOnly?: boolean | undefined;
}

/** A function that runs in a transaction; called inside of one, it runs in a savepoint. */
export interface Transaction<F extends VariableArgFunction> {
  (...params: Parameters<F>): ReturnType<F>;
  default(...params: Parameters<F>): ReturnType<F>;
  deferred(...params: Parameters<F>): ReturnType<F>;
  immediate(...params: Parameters<F>): ReturnType<F>;
  exclusive(...params: Parameters<F>): ReturnType<F>;
}
