/** Wraps better-sqlite3's iterator of a statement, and translates the failure of each step. */
import { performance } from '../base/clock';
import type { OpenIterator, Session } from './session';

interface SourceStatement {
  readonly source: string;
  readonly busy: boolean;
  readonly readonly: boolean;
}

interface RowIterator extends IterableIterator<unknown> {
  readonly statement: SourceStatement;
}

class StatementIterator implements OpenIterator {
  readonly #rows: IterableIterator<unknown>;
  readonly #session: Session;
  #done = false;
  declare readonly statement: SourceStatement;
  /** Milliseconds of the monotonic clock. */
  readonly openedAt = performance.now();

  constructor(rows: IterableIterator<unknown>, statement: SourceStatement, session: Session) {
    this.#rows = rows;
    this.#session = session;
    Object.defineProperties(this, {
      statement: { value: statement, enumerable: true },
      openedAt: { enumerable: false },
    });
    session.openIterators.add(this);
  }

  next(): IteratorResult<unknown> {
    // Also after `close()`, as in better-sqlite3.
    if (this.#done) return { value: undefined, done: true };
    const session = this.#session;
    if (session.before !== null) session.before();
    try {
      const step = this.#rows.next();
      if (step.done === true) this.#end();
      return step;
    } catch (error) {
      // A failed step ends the iterator, except for a call from a user function, which leaves it open.
      if (!this.statement.busy) this.#end();
      throw this.#failure(error);
    }
  }

  /** For the fence: the statement ends, but the loop over its rows does not. Its next step throws the refusal. */
  letGo(): void {
    this.#rows.return?.();
    this.#session.openIterators.delete(this);
  }

  /** Always ends the statement, even on a fenced connection: an open iterator would keep the transaction open. */
  return(): IteratorResult<unknown> {
    try {
      const step = this.#rows.return?.() ?? { value: undefined, done: true };
      this.#end();
      return step;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #end(): void {
    this.#done = true;
    this.#session.openIterators.delete(this);
  }

  [Symbol.iterator](): this {
    return this;
  }

  #failure(error: unknown): unknown {
    const { source, readonly } = this.statement;
    // The last step of `INSERT … RETURNING` commits if no transaction is open.
    return this.#session.failure(error, { operation: 'iterate', sql: source, commits: !readonly });
  }
}

export function iterateRows(
  rows: IterableIterator<unknown>,
  statement: SourceStatement,
  session: Session,
): RowIterator {
  return new StatementIterator(rows, statement, session) as unknown as RowIterator;
}
