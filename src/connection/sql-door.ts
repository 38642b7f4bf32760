/** The one door for SQL of the application: refuses what takes a protection away, watches what touches one. */
import type { GuardContext, Watched } from '../sql/decision';
import { inspectSql, refuse } from '../sql/guard';
import type { Attachments } from './attachments';
import type { Connection } from './connection';
import { protect, prove } from './protect';
import type { Watch } from './statement';

export class SqlDoor {
  readonly #connection: Connection;
  readonly #attachments: Attachments;

  constructor(connection: Connection, attachments: Attachments) {
    this.#connection = connection;
    this.#attachments = attachments;
  }

  /** `null` for ordinary SQL; throws `UnsafeStatementError` for SQL that must not run. */
  admit(sql: string): Watch | null {
    const decision = inspectSql(sql, this.#context());
    if (decision.verdict === 'ordinary') return null;
    if (decision.verdict === 'refused') throw refuse(decision, sql);
    return {
      preparing: prepare => this.#preparing(decision, prepare),
      around: execute => this.#around(decision, execute),
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
    if (touched.pragmas.length > 0) this.#proveAgain();
    return result;
  }

  #around<Result>(touched: Watched, execute: () => Result): Result {
    const run = touched.attaches.reduceRight<() => Result>(
      (inner, { file, schema }) =>
        () =>
          this.#attachments.aroundAttach(file, schema, inner),
      execute,
    );
    const result = run();
    for (const schema of touched.detaches) this.#attachments.released(schema);
    if (touched.pragmas.length > 0) this.#proveAgain();
    return result;
  }

  /** What the text touched is set and read back; inside a transaction SQLite allows only the reading back. */
  #proveAgain(): void {
    const { native, verbose, ground } = this.#connection;
    verbose.quietly(() => (native.inTransaction ? prove : protect)(native, ground));
  }
}
