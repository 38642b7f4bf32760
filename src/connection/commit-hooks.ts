/**
 * Tells those who want to know before a commit, and costs next to nothing inside of a transaction.
 *
 * A statement that writes commits by itself unless a transaction is open. Asking SQLite whether one is costs a tenth of
 * an UPDATE, so the gate knows it: a transaction begins and ends only by its own statements, by `exec`, or by a failure,
 * and behind each of these the gate is told.
 */
import { performance } from '../base/clock';
import { Buckets, commitMsBounds } from '../base/histogram';

/** Called before something commits; may throw to prevent it. */
export type CommitCheck = () => void;

/** Called before something commits, and with `commits: false` before `db.transaction` or the write queue begins. */
export type CommitListener = (commits: boolean) => void;

/** Begins a transaction and does nothing else. */
const bareBegin = /^\s*BEGIN(\s+(DEFERRED|IMMEDIATE|EXCLUSIVE))?(\s+TRANSACTION)?\s*;?\s*$/i;

export class CommitHooks {
  /** What a statement that writes calls first; `null` inside of a transaction, and while nobody wants to know. */
  check: CommitCheck | null = null;
  /** Whether the open transaction has written: what only read has nothing to commit. Set by its statements. */
  wrote = false;
  /** Transactions that have ended: tells an open one from the one that was open before. */
  ended = 0;
  /** The handle that began the open transaction by a statement of its own; null for one of this library, and for none. */
  beganBy: object | null = null;
  /** The open transaction: the text that began it, where it is known, and when, in ms of the monotonic clock. */
  open: { readonly sql: string | null; readonly since: number } | null = null;
  /** Milliseconds of the commits that are timed: docs/metrics.md says which. */
  readonly commitMs = new Buckets(commitMsBounds);

  #guard: CommitCheck | null = null;
  #pulse: CommitListener | null = null;
  #inTransaction = false;

  /** Calls `guard` before each commit. */
  beforeCommit(guard: CommitCheck | null): void {
    this.#guard = guard;
    this.#arm();
  }

  /** Calls `pulse` at each commit, and where a transaction is about to begin. */
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

  /** Before a text whose statements are not looked at one by one. */
  passing(): void {
    this.wrote = true;
    this.#callAll();
  }

  /** Behind whatever may have begun or ended a transaction; `by`: the handle whose statement it was, `sql`: its text. */
  transactionIs(open: boolean, by: object | null = null, sql: string | null = null): void {
    if (!open) this.wrote = false;
    if (this.#inTransaction === open) return;
    // The text was let through as one that may write.
    if (open && sql !== null && bareBegin.test(sql)) this.wrote = false;
    this.beganBy = open ? by : null;
    this.open = open ? { sql, since: performance.now() } : null;
    if (!open) this.ended += 1;
    this.#inTransaction = open;
    this.#arm();
  }

  readonly #callAll = (): void => {
    // First: what asks SQLite about a WAL whose index was cut would end the process.
    this.#guard?.();
    this.#pulse?.(true);
  };

  #arm(): void {
    const idle = this.#guard === null && this.#pulse === null;
    this.check = idle || this.#inTransaction ? null : this.#callAll;
  }
}
