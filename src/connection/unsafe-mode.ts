/** Carries out `unsafeMode`: statements that write beside an open iterator, while SQLITE_DBCONFIG_DEFENSIVE stays on. */
import { atCaller } from '../base/own-frames';
import type { NativeDatabase } from '../native/better-sqlite3';
import { statementKind } from '../sql/statement-kind';
import { statementTexts } from '../sql/script';
import type { PragmaOptions } from './types';

type Native = NativeDatabase.Database;

/**
 * better-sqlite3's own mode does two things: it skips the check for open iterators in `run`, `exec` and `pragma`, and it
 * takes DEFENSIVE off, for everything that is compiled from then on. Nearly all that DEFENSIVE refuses is refused when a
 * statement is compiled. So the native mode is on only while a statement runs that was compiled without it.
 *
 * @see https://sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigdefensive
 */
export class UnsafeMode {
  readonly #native: Native;
  /** The application asked for it, through any handle of the connection. */
  wanted = false;

  constructor(native: Native) {
    this.#native = native;
  }

  /** Runs `sql`, one statement after the other where an iterator is open. */
  exec(sql: string): void {
    if (!this.#refusesNow()) {
      this.#native.exec(sql);
      return;
    }
    for (const text of statementTexts(sql)) {
      const statement = this.#native.prepare(text);
      if (statement.reader) statement.all();
      else this.#run(() => statement.run());
    }
  }

  /** As better-sqlite3's member. */
  pragma(source: string, options: PragmaOptions | undefined): unknown {
    if (!this.#refusesNow()) return this.#native.pragma(source, options);
    const simple: unknown = options?.simple ?? false;
    if (typeof simple !== 'boolean') throw atCaller(new TypeError('Expected the "simple" option to be a boolean'));
    const statement = this.#native.prepare(`PRAGMA ${source}`);
    if (statement.reader) return simple ? statement.pluck().get() : statement.all();
    this.#run(() => statement.run());
    return simple ? undefined : [];
  }

  /**
   * Runs `execute` again, which failed with `error`: where an iterator is open, better-sqlite3 has refused it before
   * anything ran. `text` is compiled anew first, because SQLite compiles an old statement again when the schema has
   * changed, and would do so without DEFENSIVE.
   */
  again<Result>(error: unknown, text: string, execute: () => Result): Result {
    if (!this.#refusesNow()) throw error;
    const kind = statementKind(text);
    // Many a pragma acts when it is compiled; the guard has judged it.
    if (kind !== 'pragma-read' && kind !== 'pragma-write') this.#native.prepare(text);
    return this.#run(execute);
  }

  /** Runs `execute`, which is not of the application, in the native mode where that is needed. */
  own<Result>(execute: () => Result): Result {
    return this.wanted && this.#refusesNow() ? this.#run(execute) : execute();
  }

  #run<Result>(execute: () => Result): Result {
    this.#native.unsafeMode(true);
    try {
      return execute();
    } finally {
      // The connection may be closed already, with all of its settings.
      if (this.#native.open) this.#native.unsafeMode(false);
    }
  }

  /** An iterator is open, or a statement runs: an empty text does nothing, and is refused as any other. */
  #refusesNow(): boolean {
    try {
      this.#native.exec('');
      return false;
    } catch {
      return true;
    }
  }
}
