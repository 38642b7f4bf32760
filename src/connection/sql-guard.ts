/**
 * Guards the SQL of the application: refuses, keeps or watches statements that touch a protection, and judges the files
 * they name.
 */
import { UnprovedProtectionError, UnsafeStatementError } from '../errors/refusals';
import type {
  GuardContext,
  Operand,
  Refused,
  Watched,
  WrittenAttach,
  WrittenCopy,
  WrittenPragma,
} from '../sql/decision';
import { guardedPieces, inspectSql, refuse } from '../sql/guard';
import { ignoredForeignKeys } from '../sql/foreign-keys';
import { foldCase } from '../sql/names';
import { endsTransaction, setsPragma, statementKind, type StatementKind } from '../sql/statement-kind';
import type { Attachments } from './attachments';
import type { Connection } from './connection';
import type { NativeDatabase } from '../native/better-sqlite3';
import { foreignKeysOf, setPragmas, verifyPragmas } from './set-pragmas';
import type { Execution, StatementWrapper } from './statement';
import { warnOfCopy, warnOfVacuums } from './vacuum-room';
import { WeakerPragmas } from './weaker-pragmas';

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

/** Runs a text without bound values. */
type RunText<Result> = (text: string) => Result;

/** Statements without rows that a transaction of this library must know of. */
const wrapped: ReadonlySet<StatementKind> = new Set([...controls, 'pragma-write']);

export class SqlGuard {
  readonly #connection: Connection;
  readonly #attachments: Attachments;
  readonly #aroundCopy: AroundCopy;
  readonly #weaker: WeakerPragmas;

  constructor(connection: Connection, attachments: Attachments, aroundCopy: AroundCopy) {
    this.#connection = connection;
    this.#attachments = attachments;
    this.#aroundCopy = aroundCopy;
    this.#weaker = new WeakerPragmas(connection);
  }

  /** `null` for ordinary SQL; throws `UnsafeStatementError` for SQL that must not run. */
  admit(sql: string): StatementWrapper | null {
    this.#keepTransaction(sql);
    this.#noteIgnoredForeignKeys(sql);
    warnOfVacuums(this.#connection, sql);
    const context = this.#context();
    const decision = inspectSql(sql, context);
    if (decision.verdict === 'ordinary')
      return context.storage === 'memory' ? this.#harmlessInMemory(sql, context) : null;
    if (decision.verdict === 'refused') throw this.#refusal(decision, sql);
    return {
      text: decision.text,
      preparing: prepare => this.#watching(decision, prepare),
      around: (execution, values) => this.#aroundStatement(decision, execution, values),
    };
  }

  /**
   * Runs `sql`, or the text that keeps the protections, by `run`; throws as `admit` does. For `pragma` and `explain`.
   */
  through<Result>(sql: string, run: RunText<Result>): Result {
    this.#noteIgnoredForeignKeys(sql);
    const decision = this.#decide(sql);
    return decision === null ? run(sql) : this.#watching(decision, () => run(decision.text));
  }

  /**
   * Runs a text of any number of statements by `run`, in pieces: each statement that touches a protection or a file
   * runs alone, is judged by the effects of the statements before it, and is corrected before the next one runs.
   * `entering` gets each piece before it runs: a failure is one of that piece, not of the statements around it.
   */
  script(sql: string, run: RunText<void>, entering: (piece: string) => void): void {
    this.#noteIgnoredForeignKeys(sql);
    warnOfVacuums(this.#connection, sql);
    // All of it is judged before any of it runs: what is refused has done nothing.
    if (this.#decide(sql) === null) return run(sql);
    for (const { text, guarded } of guardedPieces(sql)) {
      entering(text);
      const decision = guarded ? this.#decide(text) : null;
      if (decision === null) run(text);
      else this.#watching(decision, () => this.#runPiece(decision, text, run));
    }
  }

  #decide(sql: string): Watched | null {
    this.#keepTransaction(sql);
    const decision = inspectSql(sql, this.#context());
    if (decision.verdict === 'refused') throw this.#refusal(decision, sql);
    return decision.verdict === 'ordinary' ? null : decision;
  }

  /**
   * Returns the refusal; for operands that this library cannot read, SQLite's own error if SQLite cannot read them
   * either.
   */
  #refusal(decision: Refused, sql: string): unknown {
    if (decision.statement === 'PRAGMA') return refuse(decision, sql);
    try {
      for (const { text, guarded } of guardedPieces(sql)) {
        // ATTACH, DETACH and VACUUM do nothing while they are prepared; a pragma may.
        if (guarded && !/\bpragma\b/i.test(text)) this.#prepare(text);
      }
    } catch (error) {
      return error;
    }
    return refuse(decision, sql);
  }

  /** Runs one statement of a script, without bound values. */
  #runPiece(decision: Watched, text: string, run: RunText<void>): void {
    const statement = fileStatement(decision, operand => operand.unbound, []);
    if (statement === null) return run(decision.text);
    // `exec` is refused while an iterator is open, which this checks. A text that SQLite cannot read fails here.
    this.#connection.verbose.quietly(() => this.#connection.native.exec(''));
    this.#prepare(text);
    this.#runFileStatement(statement, (judged, values) => {
      if (judged === null) run(decision.text);
      else judged.run(...values);
    });
  }

  /**
   * For a statement of `session` that begins or ends a transaction, which the commit hooks follow, or sets a pragma.
   */
  control(sql: string, session: object): StatementWrapper | null {
    const kind = statementKind(sql);
    if (!wrapped.has(kind)) return null;
    const { commitHooks, native } = this.#connection;
    return {
      text: sql,
      preparing: prepare => prepare(),
      around: execution => {
        this.#keepTransaction(sql);
        this.#noteIgnoredForeignKeys(sql);
        if (!controls.has(kind)) return execution.run();
        if (!native.inTransaction) commitHooks.beginning();
        else if (kind === 'commit' || kind === 'release') commitHooks.ending();
        try {
          return execution.run();
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
    throw new UnsafeStatementError(`Refused ${word} inside the function of ${owner.member} on ${file}.`, {
      hint: `${owner.member} commits by itself. To undo, throw an error; for a part that can fail alone, use db.transaction() or a SAVEPOINT inside.`,
      details: { file, statement: word },
    });
  }

  /** Inside a transaction SQLite ignores PRAGMA foreign_keys: a table rebuild then deletes the referring rows. */
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

  /** A statement that was prepared before the connection had a file may run afterwards: it is judged again then. */
  #harmlessInMemory(sql: string, context: GuardContext): StatementWrapper | null {
    if (inspectSql(sql, { ...context, storage: 'file' }).verdict === 'ordinary') return null;
    return {
      text: sql,
      preparing: prepare => prepare(),
      around: execution =>
        this.#context().storage === 'memory'
          ? execution.run()
          : this.through(sql, text => (text === sql ? execution.run() : execution.runInstead(this.#prepare(text), []))),
    };
  }

  #context(): GuardContext {
    const { plan, options } = this.#connection;
    return {
      storage: plan.storage === 'file' || this.#attachments.any ? 'file' : 'memory',
      walAllowed: plan.journalMode === 'wal' || plan.journalMode === null,
      synchronous: plan.synchronous,
      platform: process.platform,
      allowUnsyncedCommits: options.dangerously.allowUnsyncedCommits !== null,
      weakerPragmas: options.weakerPragmas,
    };
  }

  #aroundStatement<Result>(decision: Watched, execution: Execution<Result>, values: readonly unknown[]): Result {
    return this.#watching(decision, () => {
      // A method that does not fit the statement fails before anything runs.
      const statement = execution.fits ? fileStatement(decision, operand => operand.sql, values) : null;
      if (statement === null) return execution.run();
      return this.#runFileStatement(statement, (judged, bound) =>
        judged === null ? execution.run() : execution.runInstead(judged, bound),
      );
    });
  }

  /**
   * Judges and runs an ATTACH, DETACH or VACUUM INTO. Non-literal operands are evaluated once, by SQLite itself, and a
   * statement with the judged values runs instead.
   */
  #runFileStatement<Result>(statement: FileStatement, execute: RunStatement<Result>): Result {
    const { attach, detach, copy } = statement;
    if (attach !== undefined) {
      const { file, schema, key } = attach;
      const [filename = '', name = ''] = this.#texts(statement, [file, schema, ...(key === null ? [] : [key])]);
      return this.#attachments.aroundAttach(filename, name, admitted =>
        file.literal !== null && schema.literal !== null
          ? execute(null, [])
          : execute(this.#prepare('ATTACH ? AS ?'), [admitted, name]),
      );
    }
    if (detach !== undefined) {
      const [name = ''] = this.#texts(statement, [detach]);
      const result = this.#attachments.aroundDetach(name, () =>
        detach.literal === null ? execute(this.#prepare('DETACH ?'), [name]) : execute(null, []),
      );
      this.#attachments.released(name);
      return result;
    }
    const { file, schema } = copy;
    const around = (filename: string, run: () => Result): Result => {
      warnOfCopy(this.#connection, schema ?? 'main', filename);
      return this.#aroundCopy(filename, run);
    };
    if (file.literal !== null) return around(file.literal, () => execute(null, []));
    const [value] = this.#evaluate([`(${statement.sqlOf(file)})`], statement.values);
    const vacuum = (bound: unknown): Result => execute(this.#prepare(`VACUUM ${schema ?? 'main'} INTO ?`), [bound]);
    // SQLite itself refuses a name that is not a text.
    if (typeof value !== 'string') return vacuum(value);
    const filename = beforeNul(value);
    return around(filename, () => vacuum(filename));
  }

  /**
   * Returns the operands as SQLite reads names from them: as text, NULL as the empty one, up to the first NUL
   * character.
   */
  #texts({ sqlOf, values }: FileStatement, operands: readonly Operand[]): string[] {
    if (operands.every(({ literal }) => literal !== null)) return operands.map(({ literal }) => literal ?? '');
    const casts = operands.map(operand => `CAST((${sqlOf(operand)}) AS TEXT)`);
    return this.#evaluate(casts, values).map(value => (typeof value === 'string' ? beforeNul(value) : ''));
  }

  /** Evaluates expressions of the application with its bound values. */
  #evaluate(expressions: readonly string[], values: readonly unknown[]): readonly unknown[] {
    const { native, verbose } = this.#connection;
    return verbose.quietly(
      () =>
        native
          .prepare(`SELECT ${expressions.join(', ')}`)
          .raw()
          .get(...values) as unknown[],
    );
  }

  #prepare(text: string): NativeDatabase.Statement<unknown[]> {
    return this.#connection.verbose.quietly(() => this.#connection.native.prepare(text));
  }

  /** Re-checks the affected pragmas afterwards, also after a failure: earlier statements of the text have run. */
  #watching<Result>(touched: Watched, run: () => Result): Result {
    this.#weaker.answer(touched.weaker);
    if (touched.pragmas.some(isLockWait)) this.#connection.busyTimeout.show();
    if (touched.pragmas.some(setsJournal)) this.#connection.beforeJournalSwitch();
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
      // The failure itself tells why SQLite cannot answer.
      if (error instanceof UnprovedProtectionError) throw error;
    }
  }

  /** Sets the protections again and reads them back; inside a transaction SQLite allows only reading. */
  #lookAgain({ pragmas, weaker }: Watched): void {
    if (pragmas.some(isLockWait)) this.#connection.readBusyTimeout();
    if (pragmas.some(({ name }) => foldCase(name) === 'journal_mode')) this.#connection.journalModeSet();
    if (pragmas.every(isLockWait)) return;
    if (weaker.some(({ outcome }) => outcome === 'granted')) this.#connection.followTrustedSchema();
    const { native, verbose, protectionInputs } = this.#connection;
    verbose.quietly(() => (native.inTransaction ? verifyPragmas : setPragmas)(native, protectionInputs));
  }
}

/** The one pragma that the connection notes, and that changes no protection. */
function isLockWait({ name }: WrittenPragma): boolean {
  return foldCase(name) === 'busy_timeout';
}

/** Runs the judged statement, or the application's own if it is `null`. */
type RunStatement<Result> = (judged: NativeDatabase.Statement<unknown[]> | null, values: readonly unknown[]) => Result;

/** The one ATTACH, DETACH or VACUUM INTO of a text, with the values of its parameters. */
type FileStatement = {
  readonly sqlOf: (operand: Operand) => string;
  readonly values: readonly unknown[];
} & (
  | { readonly attach: WrittenAttach; readonly detach?: undefined; readonly copy?: undefined }
  | { readonly attach?: undefined; readonly detach: Operand; readonly copy?: undefined }
  | { readonly attach?: undefined; readonly detach?: undefined; readonly copy: WrittenCopy }
);

function fileStatement(
  { attaches: [attach], detaches: [detach], copies: [copy] }: Watched,
  sqlOf: (operand: Operand) => string,
  values: readonly unknown[],
): FileStatement | null {
  if (attach !== undefined) return { sqlOf, values, attach };
  if (detach !== undefined) return { sqlOf, values, detach };
  return copy === undefined ? null : { sqlOf, values, copy };
}

function beforeNul(text: string): string {
  const nul = text.indexOf('\0');
  return nul === -1 ? text : text.slice(0, nul);
}

function setsJournal({ name, value }: WrittenPragma): boolean {
  return value !== null && foldCase(name) === 'journal_mode';
}
