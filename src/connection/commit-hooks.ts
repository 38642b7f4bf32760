/**
 * Calls listeners before each commit, at almost no cost inside a transaction.
 *
 * A writing statement commits by itself unless a transaction is open. Asking SQLite costs a tenth of an UPDATE, so the
 * hooks track it: a transaction begins and ends only by its own statements, by `exec`, or by a failure, and after each
 * of these the hooks are notified.
 */
import { performance } from '../base/clock';
import { Buckets, commitMsBounds } from '../base/histogram';

/** Called before a commit; may throw to prevent it. */
export type CommitCheck = () => void;

/** Called before a commit, and with `commits: false` before `db.transaction` or the write queue begins. */
export type CommitListener = (commits: boolean) => void;

/** Matches a text that only begins a transaction. */
const bareBegin = /^\s*BEGIN(\s+(DEFERRED|IMMEDIATE|EXCLUSIVE))?(\s+TRANSACTION)?\s*;?\s*$/i;

export class CommitHooks {
  /** Called first by a writing statement; `null` inside a transaction, and without listeners. */
  check: CommitCheck | null = null;
  /** True if the open transaction has written: one that only read has nothing to commit. Set by its statements. */
  wrote = false;
  /** Number of ended transactions; distinguishes an open one from its predecessor. */
  ended = 0;
  /** The handle whose own statement began the open transaction; null for one of this library, and for none. */
  beganBy: object | null = null;
  /** The open transaction: the text that began it, if known, and its start in milliseconds of the monotonic clock. */
  open: { readonly sql: string | null; readonly since: number } | null = null;
  /** Durations of timed commits in milliseconds: docs/metrics.md lists which are timed. */
  readonly commitMs = new Buckets(commitMsBounds);

  #guard: CommitCheck | null = null;
  #pulse: CommitListener | null = null;
  #inTransaction = false;

  /** Calls `guard` before each commit. */
  beforeCommit(guard: CommitCheck | null): void {
    this.#guard = guard;
    this.#arm();
  }

  /** Calls `pulse` at each commit, and before a transaction begins. */
  onCommit(pulse: CommitListener | null): void {
    this.#pulse = pulse;
    this.#arm();
  }

  /** Before `db.transaction` or the write queue begins a transaction. */
  beginning(): void {
    this.#pulse?.(false);
  }

  /** Before COMMIT, END and RELEASE. */
  ending(): void {
    if (this.wrote) this.#callAll();
  }

  /** Before a text whose statements are not examined one by one. */
  passing(): void {
    this.wrote = true;
    this.#callAll();
  }

  /** After anything that may have begun or ended a transaction; `by`: the handle of the statement, `sql`: its text. */
  transactionIs(open: boolean, by: object | null = null, sql: string | null = null): void {
    if (!open) this.wrote = false;
    if (this.#inTransaction === open) return;
    // The text was passed as one that may write.
    if (open && this.wrote && sql !== null && bareBegin.test(sql)) this.wrote = false;
    this.beganBy = open ? by : null;
    this.open = open ? { sql, since: performance.now() } : null;
    if (!open) this.ended += 1;
    this.#inTransaction = open;
    this.#arm();
  }

  readonly #callAll = (): void => {
    // First: querying SQLite about a WAL with a truncated index would end the process.
    this.#guard?.();
    this.#pulse?.(true);
  };

  #arm(): void {
    const idle = this.#guard === null && this.#pulse === null;
    this.check = idle || this.#inTransaction ? null : this.#callAll;
  }
}
