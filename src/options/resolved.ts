/** Declares the options after `resolveOptions`: complete, checked, frozen. */
import type { Logger } from '../events/logger';

/** The database to open: a named file, or a database without a file. */
export type Source =
  | { readonly kind: 'file'; readonly filename: string }
  | { readonly kind: 'memory' | 'temporary'; readonly filename: string }
  | { readonly kind: 'buffer'; readonly buffer: Buffer };

export interface ResolvedCheckpoint {
  readonly walBytes: number;
  readonly intervalMs: number;
  readonly truncateAboveBytes: number;
  readonly owner: 'self' | 'external';
  readonly thread: 'worker' | 'main';
}

export interface ResolvedSentinel {
  readonly intervalMs: number;
  readonly onCommit: boolean;
}

export interface ResolvedWrites {
  readonly maxBatch: number;
  readonly maxBatchMs: number;
  readonly maxQueued: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

export interface ResolvedReaders {
  /** `null`: the number of cores less one, at least 1. */
  readonly max: number | null;
  readonly idleMs: number;
  readonly timeoutMs: number;
  readonly maxQueued: number;
  /** Absolute path of the module. */
  readonly setup: string | null;
  readonly memoryBytes: number;
}

export interface ResolvedScheduledBackup {
  readonly directory: string;
  readonly intervalMs: number;
  readonly keep: { readonly newest: number; readonly daily: number; readonly weekly: number };
  readonly verify: 'quick' | 'full';
  /** `null`: what the filesystem asks for. */
  readonly reserveBytes: number | null;
}

export interface ResolvedDangers {
  readonly allowNetworkFilesystem: string | null;
  readonly allowUnsyncedCommits: string | null;
  readonly allowNonDurableFilesystem: string | null;
  readonly allowSqliteVersion: string | null;
}

export interface ResolvedOptions {
  readonly source: Source;
  readonly readonly: boolean;
  readonly fileMustExist: boolean;
  readonly timeout: number;
  readonly verbose: ((message?: unknown, ...additionalArgs: unknown[]) => void) | null;
  readonly nativeBinding: string | object | null;
  readonly journalMode: 'auto' | 'wal' | 'rollback';
  readonly durability: 'full' | 'extra';
  readonly transactionMode: 'deferred' | 'immediate';
  readonly weakerPragmas: 'keep' | 'throw';
  readonly processGuard: 'on' | 'off';
  readonly checkpoint: ResolvedCheckpoint | 'off';
  readonly sentinel: ResolvedSentinel | 'off';
  readonly writes: ResolvedWrites;
  readonly readers: ResolvedReaders | 'off';
  readonly backup: ResolvedScheduledBackup | 'off';
  readonly rescueDirectory: string | null;
  readonly logger: Logger;
  readonly dangerously: ResolvedDangers;
}
