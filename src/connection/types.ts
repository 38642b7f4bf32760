/** Declares the public types of the drop-in surface, assignable to and from those of `@types/better-sqlite3`. */

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

export interface AggregateOptions<T = unknown> extends RegistrationOptions {
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

/** A prepared statement. `run`, `get`, `all` and `iterate` take the values of its parameters. */
export interface Statement<BindParameters extends unknown[] = unknown[], Result = unknown> {
  /** The `Database` that prepared it. */
  database: DropInDatabase;
  /** The SQL text. */
  source: string;
  /** True if it returns rows. */
  reader: boolean;
  /** True if it writes nothing. */
  readonly: boolean;
  /** True while an iterator of it is open. */
  busy: boolean;
  /** Executes it. */
  run(...params: BindParameters): RunResult;
  /** Executes it and returns the first row, or `undefined`. */
  get(...params: BindParameters): Result | undefined;
  /** Executes it and returns all rows. */
  all(...params: BindParameters): Result[];
  /** Executes it and yields its rows one by one; the connection can do little else meanwhile. */
  iterate(...params: BindParameters): IterableIterator<Result>;
  /** Return only the first column of each row. */
  pluck(toggleState?: boolean): this;
  /** Return each row as one object for each table. */
  expand(toggleState?: boolean): this;
  /** Return each row as an array. */
  raw(toggleState?: boolean): this;
  /** Binds the values permanently; once per statement. */
  bind(...params: BindParameters): this;
  /** The columns of its rows. */
  columns(): ColumnDefinition[];
  /** Return integers as bigints. */
  safeIntegers(toggleState?: boolean): this;
}

/** The statement type for these parameters: an array of them, or one object of named ones. */
export type StatementFor<
  BindParameters extends unknown[] | object = unknown[],
  Result = unknown,
> = BindParameters extends unknown[] ? Statement<BindParameters, Result> : Statement<[BindParameters], Result>;

/** `Parameters`, written as in `@types/better-sqlite3`: TypeScript relates the two only if they are identical. */
type ArgumentTypes<F extends VariableArgFunction> = F extends (...args: infer A) => unknown ? A : never;

/** A function that runs in a transaction; called inside one, it runs in a savepoint. */
export interface Transaction<F extends VariableArgFunction = VariableArgFunction> {
  (...params: ArgumentTypes<F>): ReturnType<F>;
  default(...params: ArgumentTypes<F>): ReturnType<F>;
  deferred(...params: ArgumentTypes<F>): ReturnType<F>;
  immediate(...params: ArgumentTypes<F>): ReturnType<F>;
  exclusive(...params: ArgumentTypes<F>): ReturnType<F>;
}

export interface BackupMetadata {
  totalPages: number;
  remainingPages: number;
}

/** The backup options that better-sqlite3 has too. */
export interface DropInBackupOptions {
  attached?: string;
  progress?: (info: BackupMetadata) => number;
}

/** The members of better-sqlite3's `Database`; this library's has more. */
export interface DropInDatabase {
  readonly memory: boolean;
  readonly readonly: boolean;
  readonly name: string;
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare<BindParameters extends unknown[] | object = unknown[], Result = unknown>(
    source: string,
  ): StatementFor<BindParameters, Result>;
  transaction<F extends VariableArgFunction>(fn: F): Transaction<F>;
  exec(source: string): this;
  pragma(source: string, options?: PragmaOptions): unknown;
  explain(source: string): unknown[];
  function(name: string, fn: VariableArgFunction): this;
  function(name: string, options: RegistrationOptions, fn: VariableArgFunction): this;
  aggregate<T>(name: string, options: AggregateOptions<T>): this;
  table(name: string, definition: VirtualTableOptions): this;
  loadExtension(path: string, entryPoint?: string): this;
  defaultSafeIntegers(toggle?: boolean): this;
  unsafeMode(toggle?: boolean): this;
  serialize(options?: SerializeOptions): Buffer;
  backup(destination: string, options?: DropInBackupOptions): Promise<BackupMetadata>;
  close(): this;
}
