/** Wraps a prepared statement of better-sqlite3: checks before every call, and translates every failure. */
import { performance } from '../base/clock';
import { atCaller, type Entry } from '../base/own-frames';
import { markOriginal, originalOf } from '../base/original';
import type { NativeDatabase } from '../native/better-sqlite3';
import { copyOfValues } from './bound-text';
import { iterateRows } from './statement-iterator';
import type { CommitHooks } from './commit-hooks';
import type { Session } from './session';
import type { ColumnDefinition, RunResult } from './types';

type NativeStatement = NativeDatabase.Statement<unknown[]>;

/** One execution of a statement, for the wrapper around it. */
export interface Execution<Result> {
  /**
   * False if better-sqlite3 throws before anything runs: `get()` of a statement without rows, values beside bound ones.
   */
  readonly fits: boolean;
  /** Runs the statement as it was prepared. */
  run(): Result;
  /** Runs another statement by the same method. */
  runInstead(statement: NativeStatement, values: readonly unknown[]): Result;
}

/** Wraps each execution of a statement that touches a protection or a file (PRAGMA, ATTACH, DETACH, VACUUM INTO). */
export interface StatementWrapper {
  /** The text for SQLite: the application's, or one that keeps the protections. */
  readonly text: string;
  /** Wraps the preparation, because many pragmas already act there. */
  preparing<Result>(prepare: () => Result): Result;
  /** Wraps each execution; `values` are its parameter values, as given. */
  around<Result>(execution: Execution<Result>, values: readonly unknown[]): Result;
}

/** The parts of a statement; only `Connection.prepare` can build one. */
export interface StatementParts {
  readonly native: NativeStatement;
  /** The text as the application wrote it. */
  readonly source: string;
  readonly session: Session;
  readonly database: object;
  readonly watch: StatementWrapper | null;
  readonly guard: TransactionWrapper;
}

/** Wraps the statements that begin or end a transaction. */
interface TransactionWrapper {
  control(sql: string, session: object): StatementWrapper | null;
}

/** Before a writing statement. True if it is an autocommit statement that is watched. */
function passGate(gate: CommitHooks): boolean {
  if (gate.check === null) {
    if (!gate.wrote) gate.wrote = true;
    return false;
  }
  gate.check();
  return true;
}

/** Proves to the constructor that its caller is `makeStatement`. */
const constructToken = Symbol('construct');

/** The only way to construct a statement. */
export function makeStatement(parts: StatementParts): Statement {
  return new Statement(constructToken, parts);
}

const isBusy = Symbol('busy');

export class Statement {
  readonly #native: NativeStatement;
  readonly #session: Session;
  readonly #watch: StatementWrapper | null;
  readonly #writes: boolean;
  /** The arguments of `bind`; kept only for the wrapper. */
  #bound: readonly unknown[] | null = null;
  /** True if it returns rows. */
  readonly reader: boolean;
  /** True if it writes nothing. */
  readonly readonly: boolean;
  /** The SQL text. */
  readonly source: string;
  /** The `Database` that prepared it. */
  readonly database: object;
  /** True while an iterator of it is open. */
  declare readonly busy: boolean;

  /** @internal */
  constructor(token?: symbol, parts?: StatementParts) {
    if (token !== constructToken || parts === undefined)
      throw atCaller(new TypeError('Statements can only be constructed by the db.prepare() method'));
    const { native, source, session, database, watch, guard } = parts;
    this.#native = native;
    this.#session = session;
    this.reader = native.reader;
    this.readonly = native.readonly;
    this.#writes = !native.readonly;
    this.source = source;
    this.#watch = watch ?? (this.reader ? null : guard.control(this.source, session));
    this.database = database;
    Object.defineProperty(this, 'busy', busyDescriptor);
    markOriginal(this);
  }

  /** @internal */
  static [isBusy](statement: Statement): boolean {
    return statement.#native.busy;
  }

  /** Executes the statement. */
  run(...params: unknown[]): RunResult {
    const self = #session in this ? this : originalOf<Statement>(this);
    const session = self.#session;
    if (session.before !== null) session.before();
    if (self.#writes && passGate(session.commitHooks) && self.#watch === null)
      return self.#timed('run', params) as RunResult;
    try {
      if (self.#watch !== null) return self.#watched(self.#watch, 'run', params) as RunResult;
      // Spreading costs some 15 ns, and nearly every call has one value or none.
      if (params.length === 1) return self.#native.run(params[0]);
      if (params.length === 0) return self.#native.run();
      return self.#native.run(...params);
    } catch (error) {
      // What is watched has met the open iterator already.
      if (session.unsafe.wanted && self.#watch === null) return self.#runBesideIterators(error, params);
      throw self.#failure(error, 'run');
    }
  }

  /** Executes the statement and returns its first row, or `undefined`. */
  get(...params: unknown[]): unknown {
    const self = #session in this ? this : originalOf<Statement>(this);
    const session = self.#session;
    if (session.before !== null) session.before();
    if (self.#writes && passGate(session.commitHooks) && self.#watch === null) return self.#timed('get', params);
    try {
      if (self.#watch !== null) return self.#watched(self.#watch, 'get', params);
      if (params.length === 1) return self.#native.get(params[0]);
      if (params.length === 0) return self.#native.get();
      return self.#native.get(...params);
    } catch (error) {
      throw self.#failure(error, 'get');
    }
  }

  /** Executes the statement and returns all rows. */
  all(...params: unknown[]): unknown[] {
    const self = #session in this ? this : originalOf<Statement>(this);
    const session = self.#session;
    if (session.before !== null) session.before();
    if (self.#writes && passGate(session.commitHooks) && self.#watch === null)
      return self.#timed('all', params) as unknown[];
    try {
      if (self.#watch !== null) return self.#watched(self.#watch, 'all', params) as unknown[];
      if (params.length === 1) return self.#native.all(params[0]);
      if (params.length === 0) return self.#native.all();
      return self.#native.all(...params);
    } catch (error) {
      throw self.#failure(error, 'all');
    }
  }

  /** Executes the statement and yields its rows one by one; no other statement can write meanwhile. */
  iterate(...params: unknown[]): IterableIterator<unknown> {
    const self = #session in this ? this : originalOf<Statement>(this);
    const session = self.#session;
    if (session.before !== null) session.before();
    if (self.#writes) passGate(session.commitHooks);
    try {
      const watch = self.#watch;
      // A pragma acts on its first step, and the protections are read back after the last one.
      if (watch !== null) return (self.#watched(watch, 'all', params) as unknown[])[Symbol.iterator]();
      return iterateRows(self.#native.iterate(...params), self, session);
    } catch (error) {
      throw self.#failure(error, 'iterate');
    }
  }

  /** Binds the parameters permanently; once per statement. */
  bind(...params: unknown[]): this {
    const self = originalOf<Statement>(this);
    self.#configure(native => native.bind(...params));
    if (self.#watch !== null) self.#bound = copyOfValues(params);
    return this;
  }

  /** Return only the first column of each row. */
  pluck(...toggle: [boolean?]): this {
    originalOf<Statement>(this).#configureRows(native => native.pluck(...toggle));
    return this;
  }

  /** Return each row as one object for each table. */
  expand(...toggle: [boolean?]): this {
    originalOf<Statement>(this).#configureRows(native => native.expand(...toggle));
    return this;
  }

  /** Return each row as an array. */
  raw(...toggle: [boolean?]): this {
    originalOf<Statement>(this).#configureRows(native => native.raw(...toggle));
    return this;
  }

  /** Return integers as bigints. */
  safeIntegers(...toggle: [boolean?]): this {
    originalOf<Statement>(this).#configureRows(native => native.safeIntegers(...toggle));
    return this;
  }

  /** The columns of the rows. */
  columns(): ColumnDefinition[] {
    const self = originalOf<Statement>(this);
    const session = self.#session;
    if (session.before !== null) session.before();
    return self.#native.columns();
  }

  /** The SQL text, with bound values once `bind` was called. */
  toString(): string {
    // oxlint-disable-next-line typescript/no-base-to-string -- the native statement has its own toString
    return String(originalOf<Statement>(this).#native);
  }

  /** Out of line: a closure in a hot method would be allocated on every call. */
  #watched(watch: StatementWrapper, method: 'run' | 'get' | 'all', params: unknown[]): unknown {
    const bound = this.#bound;
    return watch.around<unknown>(
      {
        fits: this.reader === (method !== 'run') && (bound === null || params.length === 0),
        run: () => this.#beside(method, () => this.#native[method](...params)),
        runInstead: (statement, values) => this.#beside(method, () => statement[method](...values)),
      },
      bound ?? params,
    );
  }

  /** Runs an autocommit statement; out of line as well, because inside a transaction nothing is timed. */
  #timed(method: 'run' | 'get' | 'all', params: unknown[]): unknown {
    const start = performance.now();
    try {
      const result: unknown = this.#native[method](...params);
      this.#session.commitHooks.commitMs.add(performance.now() - start);
      return result;
    } catch (error) {
      if (method === 'run' && this.#session.unsafe.wanted) return this.#runBesideIterators(error, params);
      throw this.#failure(error, method);
    }
  }

  /** With `unsafeMode`, after `run` failed with `error`: out of line, because that mode is rarely used. */
  #runBesideIterators(error: unknown, params: unknown[]): RunResult {
    try {
      return this.#session.unsafe.again(error, this.source, () => this.#native.run(...params));
    } catch (failure) {
      throw this.#failure(failure, 'run');
    }
  }

  /** A statement that the guard has judged; only `run` is refused while an iterator is open. */
  #beside<Result>(method: string, execute: () => Result): Result {
    return method === 'run' ? this.#session.unsafe.own(execute) : execute();
  }

  /** After `close()` nothing runs, but the row format can still be set, as in better-sqlite3. */
  #configureRows(change: (native: NativeStatement) => unknown): void {
    const session = this.#session;
    if (session.closed) return;
    this.#configure(change);
  }

  #configure(change: (native: NativeStatement) => unknown): void {
    const session = this.#session;
    if (session.before !== null) session.before();
    try {
      change(this.#native);
    } catch (error) {
      throw this.#failure(error, 'bind');
    }
  }

  #failure(error: unknown, operation: string): unknown {
    const entry = entries.get(operation);
    return this.#session.failure(error, {
      operation,
      sql: this.source,
      commits: this.#writes || this.#watch !== null,
      ...(entry === undefined ? {} : { entry }),
    });
  }
}

/** As they are defined here: whoever replaces one in the prototype calls it. */
const entries: ReadonlyMap<string, Entry> = new Map(
  (['run', 'get', 'all', 'iterate'] as const).map(name => [name, Statement.prototype[name]]),
);

/**
 * Own and enumerable as in better-sqlite3; one shared descriptor, because a closure each costs a microsecond. Outside
 * the class: esbuild moves static fields there when it lowers `#session in this`, and breaks the private ones.
 */
const busyDescriptor: PropertyDescriptor & ThisType<Statement> = {
  get() {
    return Statement[isBusy](originalOf<Statement>(this));
  },
  enumerable: true,
};
