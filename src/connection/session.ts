/** One handle's view of a connection: what its statements ask before each call, and where their failures go. */

import type { CommitGate } from './commit-gate';

/** What a failing call was about to do. */
export interface Moment {
  readonly operation: string;
  readonly sql?: string;
  /** True for COMMIT, END and RELEASE, and for what commits by itself outside of a transaction. */
  readonly commits?: boolean;
}

/** An iterator that was not run to its end yet: it holds a read transaction open and pins the WAL. */
export interface OpenIterator {
  readonly statement: { readonly source: string };
  /** Milliseconds of the monotonic clock. */
  readonly openedAt: number;
  /** Lets the statement go. */
  return(): unknown;
}

export interface Session {
  /** Strong references: better-sqlite3 keeps the transaction of a forgotten iterator open, so it must stay visible. */
  readonly openIterators: Set<OpenIterator>;
  /** Makes the error of every further call; null while all is well. Read on every call, so it is a plain field. */
  refusal: (() => Error) | null;
  /** What every statement that may commit passes first; one for all handles of the connection. */
  readonly gate: CommitGate;
  /** Translates a failure, tells those who decide about the fence, and returns what is to be thrown. */
  failure(error: unknown, moment: Moment): unknown;
}
