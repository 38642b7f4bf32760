/** A prepared statement: better-sqlite3's, with every call checked before and every failure translated. */
import type { NativeDatabase } from '../native/better-sqlite3';
import { iterateRows } from './iterate';
import type { Session } from './session';
import type { ColumnDefinition, RunResult } from './types';

type NativeStatement = NativeDatabase.Statement<unknown[]>;

/** What is wrapped around each execution of a statement that touches a protection (PRAGMA, ATTACH, DETACH). */
export interface Watch {
  around<Result>(execute: () => Result): Result;
}

/** Everything a statement is made of; only `Connection.prepare` can make one. */
export interface StatementParts {
  readonly native: NativeStatement;
  readonly session: Session;
  readonly database: object;
  readonly watch: Watch | null;
}

/** Statements that end a transaction; for better-sqlite3 they are read-only. */
const endsTransaction = /^[\s;]*(?:commit|end|release)\b/i;

/** Whether `parts` really came from `Connection.prepare`. */
let made: StatementParts | null = null;

/** The only way to make a statement. */
export function makeStatement(parts: StatementParts): Statement {
  made = parts;
  try {
    return new Statement();
  } finally {
    made = null;
  }
}

export class Statement {
  readonly #native: NativeStatement;
  readonly #session: Session;
  readonly #watch: Watch | null;
  /** Executing it outside of a transaction commits. */
  readonly #mayCommit: boolean;

  /** True when it returns rows. */
  declare readonly reader: boolean;
  /** True when it writes nothing. */
  declare readonly readonly: boolean;
  /** The SQL text. */
  declare readonly source: string;
  /** The `Database` that prepared it. */
  declare readonly database: object;
  /** True while an iterator of it is open. */
  declare readonly busy: boolean;

  constructor() {
    if (made === null) throw new TypeError('Statements can only be constructed by the db.prepare() method');
    const { native, session, database, watch } = made;
    this.#native = native;
    this.#session = session;
    this.#watch = watch;
    this.#mayCommit = !native.readonly || endsTransaction.test(native.source);
    Object.defineProperties(this, {
      reader: { value: native.reader, enumerable: true },
      readonly: { value: native.readonly, enumerable: true },
      source: { value: native.source, enumerable: true },
      database: { value: database, enumerable: true },
      busy: { get: () => native.busy, enumerable: true },
    });
  }

  /** Executes the statement. */
  run(...params: unknown[]): RunResult {
    const session = this.#session;
    if (session.refusal !== null) throw session.refusal();
    if (this.#mayCommit && session.commitCheck !== null) session.commitCheck();
    try {
      if (this.#watch !== null) return this.#watch.around(() => this.#native.run(...params));
      return this.#native.run(...params);
    } catch (error) {
      throw this.#failure(error, 'run');
    }
  }

  /** Executes the statement and returns its first row, or `undefined`. */
  get(...params: unknown[]): unknown {
    const session = this.#session;
    if (session.refusal !== null) throw session.refusal();
    if (this.#mayCommit && session.commitCheck !== null) session.commitCheck();
    try {
      if (this.#watch !== null) return this.#watch.around(() => this.#native.get(...params));
      return this.#native.get(...params);
    } catch (error) {
      throw this.#failure(error, 'get');
    }
  }

  /** Executes the statement and returns all rows. */
  all(...params: unknown[]): unknown[] {
    const session = this.#session;
    if (session.refusal !== null) throw session.refusal();
    if (this.#mayCommit && session.commitCheck !== null) session.commitCheck();
    try {
      if (this.#watch !== null) return this.#watch.around(() => this.#native.all(...params));
      return this.#native.all(...params);
    } catch (error) {
      throw this.#failure(error, 'all');
    }
  }

  /** Executes the statement and yields its rows one by one; nothing else can be written meanwhile. */
  iterate(...params: unknown[]): IterableIterator<unknown> {
    const session = this.#session;
    if (session.refusal !== null) throw session.refusal();
    if (this.#mayCommit && session.commitCheck !== null) session.commitCheck();
    try {
      const iterate = (): IterableIterator<unknown> => this.#native.iterate(...params);
      const rows = this.#watch === null ? iterate() : this.#watch.around(iterate);
      return iterateRows(rows, this, session);
    } catch (error) {
      throw this.#failure(error, 'iterate');
    }
  }

  /** Binds the parameters for good; once a statement. */
  bind(...params: unknown[]): this {
    return this.#configure(native => native.bind(...params));
  }

  /** Return only the first column of each row. */
  pluck(...toggle: [boolean?]): this {
    return this.#configure(native => native.pluck(...toggle));
  }

  /** Return each row as one object for each table. */
  expand(...toggle: [boolean?]): this {
    return this.#configure(native => native.expand(...toggle));
  }

  /** Return each row as an array. */
  raw(...toggle: [boolean?]): this {
    return this.#configure(native => native.raw(...toggle));
  }

  /** Return integers as bigints. */
  safeIntegers(...toggle: [boolean?]): this {
    return this.#configure(native => native.safeIntegers(...toggle));
  }

  /** The columns of the rows. */
  columns(): ColumnDefinition[] {
    const session = this.#session;
    if (session.refusal !== null) throw session.refusal();
    return this.#native.columns();
  }

  /** The SQL text, with bound values once `bind` was called. */
  toString(): string {
    // oxlint-disable-next-line typescript/no-base-to-string -- the native statement has its own toString
    return String(this.#native);
  }

  #configure(change: (native: NativeStatement) => unknown): this {
    const session = this.#session;
    if (session.refusal !== null) throw session.refusal();
    try {
      change(this.#native);
    } catch (error) {
      throw this.#failure(error, 'bind');
    }
    return this;
  }

  #failure(error: unknown, operation: string): unknown {
    return this.#session.failure(error, { operation, sql: this.source, commits: this.#mayCommit });
  }
}
