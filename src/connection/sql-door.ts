/** The one door for SQL of the application: refuses what takes a protection away, watches what touches one. */
import { UnsafeStatementError } from '../errors/refusals';
import type { GuardContext, Watched } from '../sql/decision';
import { inspectSql, refuse } from '../sql/guard';
import { foldCase } from '../sql/names';
import { transactionControl } from '../sql/transaction-control';
import { endsTransaction } from '../sql/transaction-end';
import type { Attachments } from './attachments';
import { boundText } from './bound-text';
import type { Connection } from './connection';
import { protect, prove } from './protect';
import type { Watch } from './statement';

/** Runs the VACUUM INTO that writes `file`, or throws when SQLite must not write there. */
export type AroundCopy = <Result>(file: string, execute: () => Result) => Result;

export class SqlDoor {
  readonly #connection: Connection;
  readonly #attachments: Attachments;
  readonly #aroundCopy: AroundCopy;

  constructor(connection: Connection, attachments: Attachments, aroundCopy: AroundCopy) {
    this.#connection = connection;
    this.#attachments = attachments;
    this.#aroundCopy = aroundCopy;
  }

  /** `null` for ordinary SQL; throws `UnsafeStatementError` for SQL that must not run. */
  admit(sql: string): Watch | null {
    this.#keepTransaction(sql);
    const context = this.#context();
    const decision = inspectSql(sql, context);
    if (decision.verdict === 'ordinary')
      return context.ground === 'memory' ? this.#harmlessInMemory(sql, context) : null;
    if (decision.verdict === 'refused') throw refuse(decision, sql);
    return {
      preparing: prepare => this.#preparing(decision, prepare),
      around: (execute, values) => this.#around(decision, execute, values),
    };
  }

  /** Runs what executes `sql` at once, or throws as `admit` does. */
  through<Result>(sql: string, run: () => Result): Result {
    const watch = this.admit(sql);
    return watch === null ? run() : watch.around(run, []);
  }

  /** For a statement that begins or ends a transaction, which the commit gate is told, and others may run in. */
  control(sql: string): Watch | null {
    const word = transactionControl(sql);
    if (word === null) return null;
    const { gate, native } = this.#connection;
    return {
      preparing: prepare => prepare(),
      around: execute => {
        this.#keepTransaction(sql);
        if (word === 'commit' || word === 'end' || word === 'release') gate.ending();
        try {
          return execute();
        } finally {
          gate.transactionIs(native.inTransaction);
        }
      },
    };
  }

  /** The transaction of `db.write` belongs to several writes: one of them cannot end it. */
  #keepTransaction(sql: string): void {
    if (this.#connection.owner === null || typeof sql !== 'string') return;
    const word = endsTransaction(sql);
    if (word === null) return;
    throw new UnsafeStatementError(`${word} inside the function of db.write() on ${this.#connection.file}.`, {
      hint: 'db.write commits by itself. To undo, throw an error; for a part that can fail alone, use db.transaction() or a SAVEPOINT inside.',
      details: { file: this.#connection.file, statement: word },
    });
  }

  /** A statement that was prepared while the connection had no file may run when it has one: it is judged anew then. */
  #harmlessInMemory(sql: string, context: GuardContext): Watch | null {
    if (inspectSql(sql, { ...context, ground: 'file' }).verdict === 'ordinary') return null;
    return {
      preparing: prepare => prepare(),
      around: execute => (this.#context().ground === 'memory' ? execute() : this.through(sql, execute)),
    };
  }

  #context(): GuardContext {
    const { plan, options } = this.#connection;
    return {
      ground: plan.ground === 'file' || this.#attachments.any ? 'file' : 'memory',
      walAllowed: plan.journalMode !== 'delete',
      synchronous: plan.synchronous,
      platform: process.platform,
      allowUnsyncedCommits: options.dangerously.allowUnsyncedCommits !== null,
    };
  }

  #preparing<Result>(touched: Watched, prepare: () => Result): Result {
    const result = prepare();
    this.#lookAgain(touched);
    return result;
  }

  #around<Result>(touched: Watched, execute: () => Result, values: readonly unknown[]): Result {
    const detach = touched.detaches.reduceRight<() => Result>(
      (inner, schema) => () => this.#attachments.aroundDetach(schema, inner),
      execute,
    );
    const copy = touched.copies.reduceRight<() => Result>((inner, written) => {
      const file = 'file' in written ? written.file : boundText(written.parameter, values);
      // SQLite itself refuses a name that is not a text.
      return file === null ? inner : () => this.#aroundCopy(file, inner);
    }, detach);
    const run = touched.attaches.reduceRight<() => Result>(
      (inner, { file, schema }) =>
        () =>
          this.#attachments.aroundAttach(file, schema, inner),
      copy,
    );
    const result = run();
    for (const schema of touched.detaches) this.#attachments.released(schema);
    this.#lookAgain(touched);
    return result;
  }

  /** What the text touched is set and read back; inside a transaction SQLite allows only the reading back. */
  #lookAgain({ pragmas }: Watched): void {
    if (pragmas.length === 0) return;
    const { native, verbose, ground } = this.#connection;
    if (pragmas.some(({ name }) => foldCase(name) === 'busy_timeout')) this.#connection.readBusyTimeout();
    verbose.quietly(() => (native.inTransaction ? prove : protect)(native, ground));
  }
}
