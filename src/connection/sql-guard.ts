/** The one door for SQL of the application: refuses what takes a protection away, watches what touches one. */
import { UnprovedProtectionError, UnsafeStatementError } from '../errors/refusals';
import type { GuardContext, Watched, WrittenPragma } from '../sql/decision';
import { inspectSql, refuse } from '../sql/guard';
import { ignoredForeignKeys } from '../sql/foreign-keys';
import { foldCase } from '../sql/names';
import { endsTransaction, setsPragma, statementKind, type StatementKind } from '../sql/statement-kind';
import type { Attachments } from './attachments';
import { boundText } from './bound-text';
import type { Connection } from './connection';
import { foreignKeysOf, setPragmas, verifyPragmas } from './set-pragmas';
import type { StatementWrapper } from './statement';

/** Runs the VACUUM INTO that writes `file`, or throws when SQLite must not write there. */
export type AroundCopy = <Result>(file: string, execute: () => Result) => Result;

/** The statements that begin or end a transaction or a savepoint. */
const controls: ReadonlySet<StatementKind> = new Set([
  'begin',
  'savepoint',
  'commit',
  'release',
  'rollback',
  'rollback-to',
]);

/** Statements without rows that a transaction of this library must know of. */
const wrapped: ReadonlySet<StatementKind> = new Set([...controls, 'pragma-write']);

export class SqlGuard {
  readonly #connection: Connection;
  readonly #attachments: Attachments;
  readonly #aroundCopy: AroundCopy;

  constructor(connection: Connection, attachments: Attachments, aroundCopy: AroundCopy) {
    this.#connection = connection;
    this.#attachments = attachments;
    this.#aroundCopy = aroundCopy;
  }

  /** `null` for ordinary SQL; throws `UnsafeStatementError` for SQL that must not run. */
  admit(sql: string): StatementWrapper | null {
    this.#keepTransaction(sql);
    this.#noteIgnoredForeignKeys(sql);
    const context = this.#context();
    const decision = inspectSql(sql, context);
    if (decision.verdict === 'ordinary')
      return context.storage === 'memory' ? this.#harmlessInMemory(sql, context) : null;
    if (decision.verdict === 'refused') throw refuse(decision, sql);
    return {
      preparing: prepare => this.#watching(decision, prepare),
      around: (execute, values) => this.#around(decision, execute, values),
    };
  }

  /** Runs what executes `sql` at once, or throws as `admit` does. */
  through<Result>(sql: string, run: () => Result): Result {
    const watch = this.admit(sql);
    return watch === null ? run() : watch.around(run, []);
  }

  /** For a statement of `session` that begins or ends a transaction, which the commit hooks hear of, or sets a pragma. */
  control(sql: string, session: object): StatementWrapper | null {
    const kind = statementKind(sql);
    if (!wrapped.has(kind)) return null;
    const { commitHooks, native } = this.#connection;
    return {
      preparing: prepare => prepare(),
      around: execute => {
        this.#keepTransaction(sql);
        this.#noteIgnoredForeignKeys(sql);
        if (!controls.has(kind)) return execute();
        if (!native.inTransaction) commitHooks.beginning();
        else if (kind === 'commit' || kind === 'release') commitHooks.ending();
        try {
          return execute();
        } finally {
          commitHooks.transactionIs(native.inTransaction, session, sql);
        }
      },
    };
  }

  /** A function inside a transaction of this library cannot end it, and its pragmas are noted. */
  #keepTransaction(sql: string): void {
    const { owner, file } = this.#connection;
    if (owner === null || typeof sql !== 'string') return;
    if (setsPragma(sql)) owner.setsPragma(sql);
    const word = endsTransaction(sql);
    if (word === null) return;
    throw new UnsafeStatementError(`${word} inside the function of ${owner.member} on ${file}.`, {
      hint: `${owner.member} commits by itself. To undo, throw an error; for a part that can fail alone, use db.transaction() or a SAVEPOINT inside.`,
      details: { file, statement: word },
    });
  }

  /** Inside a transaction SQLite ignores PRAGMA foreign_keys: a table rebuild then deletes the rows that refer to it. */
  #noteIgnoredForeignKeys(sql: string): void {
    const connection = this.#connection;
    if (typeof sql !== 'string') return;
    const wanted = ignoredForeignKeys(sql, connection.native);
    if (wanted.length === 0) return;
    const inForce = foreignKeysOf(connection);
    const ignored = wanted.find(each => each !== inForce);
    if (ignored === undefined) return;
    if (connection.onIgnoredForeignKeys !== null) return connection.onIgnoredForeignKeys(ignored);
    connection.hub.publish('warning', {
      code: 'foreign-keys-unchanged',
      message: `PRAGMA foreign_keys = ${ignored ? 'ON' : 'OFF'} inside a transaction on ${connection.file} does nothing: they stay ${inForce ? 'on' : 'off'}. Set it before the transaction begins.`,
      details: { inForce },
    });
  }

  /** A statement that was prepared while the connection had no file may run when it has one: it is judged anew then. */
  #harmlessInMemory(sql: string, context: GuardContext): StatementWrapper | null {
    if (inspectSql(sql, { ...context, storage: 'file' }).verdict === 'ordinary') return null;
    return {
      preparing: prepare => prepare(),
      around: execute => (this.#context().storage === 'memory' ? execute() : this.through(sql, execute)),
    };
  }

  #context(): GuardContext {
    const { plan, options } = this.#connection;
    return {
      storage: plan.storage === 'file' || this.#attachments.any ? 'file' : 'memory',
      walAllowed: plan.journalMode !== 'delete',
      synchronous: plan.synchronous,
      platform: process.platform,
      allowUnsyncedCommits: options.dangerously.allowUnsyncedCommits !== null,
    };
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
    return this.#watching(touched, () => {
      const result = run();
      for (const schema of touched.detaches) this.#attachments.released(schema);
      return result;
    });
  }

  /** What the text touches is looked at behind it, also where it fails: it has acted up to there. */
  #watching<Result>(touched: Watched, run: () => Result): Result {
    if (touched.pragmas.some(isLockWait)) this.#connection.busyTimeout.show();
    let result: Result;
    try {
      result = run();
    } catch (error) {
      this.#lookBehindFailure(touched);
      throw error;
    }
    this.#lookAgain(touched);
    return result;
  }

  #lookBehindFailure(touched: Watched): void {
    try {
      this.#lookAgain(touched);
    } catch (error) {
      // What keeps SQLite from answering is told by the failure itself.
      if (error instanceof UnprovedProtectionError) throw error;
    }
  }

  /** What the text touched is set and read back; inside a transaction SQLite allows only the reading back. */
  #lookAgain({ pragmas }: Watched): void {
    if (pragmas.some(isLockWait)) this.#connection.readBusyTimeout();
    if (pragmas.some(({ name }) => foldCase(name) === 'journal_mode')) this.#connection.journalModeSet();
    if (pragmas.every(isLockWait)) return;
    const { native, verbose, protectionInputs } = this.#connection;
    verbose.quietly(() => (native.inTransaction ? verifyPragmas : setPragmas)(native, protectionInputs));
  }
}

/** The one pragma that the connection notes, and that changes no protection. */
function isLockWait({ name }: WrittenPragma): boolean {
  return foldCase(name) === 'busy_timeout';
}
