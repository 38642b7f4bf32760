/**
 * Declares the subject of the fault tests: one small interface, so that better-sqlite3 as it comes and this library
 * take the same test.
 */
import type BetterSqlite3 from 'better-sqlite3';

/** The part of better-sqlite3's own API that both have. */
export type Handle = Pick<
  BetterSqlite3.Database,
  'exec' | 'prepare' | 'transaction' | 'pragma' | 'open' | 'inTransaction'
>;

/** `'memory'` is not safe, and shows that a bench can see a loss. */
export type Journal = 'wal' | 'delete' | 'truncate' | 'memory';

export interface OpenSettings {
  readonly journal: Journal;
  /** For the raw subject alone; this library sets its own. Default `'FULL'`. */
  readonly synchronous?: 'NORMAL' | 'FULL' | 'EXTRA';
  /** For the raw subject alone, in pages. Default 1000, as SQLite has it. */
  readonly autocheckpoint?: number;
  /** For ours alone: every commit is followed by a checkpoint of the scheduler. Default: as users have it. */
  readonly scheduled?: boolean;
  /** For ours alone: no check of the sentinel by the clock, so that what is called does not depend on the machine's speed. */
  readonly untimed?: boolean;
  /** Busy timeout in milliseconds. Default 50: the tests have no lock that goes away by itself. */
  readonly timeout?: number;
}

export interface CheckpointOutcome {
  readonly complete: boolean;
  readonly busy: boolean;
}

export interface Connection {
  readonly handle: Handle;
  checkpoint(mode: 'passive' | 'truncate'): CheckpointOutcome | Promise<CheckpointOutcome>;
  attach(file: string, name: string): void;
  backup(destination: string): Promise<void>;
  /** Runs `fn` in a durable transaction that it may share with other writes of this moment. Ours alone has it. */
  write?(fn: () => void): Promise<void>;
  close(): void;
  /** Resolves when the scheduler has said how its next checkpoint ended. Ours alone has one. */
  nextCheckpoint?(): Promise<void>;
  /** Failures that an event reported instead of an exception. Raw better-sqlite3 has no such events. */
  readonly told?: readonly Error[];
}

export type SubjectName = 'raw' | 'ours';

export interface Subject {
  readonly name: SubjectName;
  open(file: string, settings: OpenSettings): Connection;
}
