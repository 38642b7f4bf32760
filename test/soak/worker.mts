/** Provides what the programs of the soak have in common: what is an alarm, and what they hold. */
import { readdirSync } from 'node:fs';
import type { Database } from 'safe-sqlite';
import { plainError, report, type PlainError } from '../support/fault-scenario.mts';
import type { Entry } from './account.mts';
import type { Sample } from './growth.mts';

export type WorkerReport =
  | { readonly entry: Entry }
  /** A failure that the weather must explain. */
  | { readonly error: PlainError; readonly during: string }
  /** What must never be reported of an untouched database. */
  | { readonly alarm: string }
  | { readonly fenced: true }
  | { readonly backup: string }
  | { readonly checkpoints: number };

export function say(message: WorkerReport): void {
  report(message);
}

export function listen(database: Database): void {
  const { events, plan } = database;
  // What is wrong with the filesystem of this machine, and a WAL that a reader holds above its limit.
  const expected = new Set(['wal-above-limit', ...plan.warnings.map(({ code }) => code)]);
  events.on('locksLost', ({ error }) => say({ alarm: `locksLost: ${error.message}` }));
  events.on('fileReplaced', ({ error }) => say({ alarm: `fileReplaced: ${error.message}` }));
  events.on('longTransaction', ({ sql }) => say({ alarm: `longTransaction: ${sql}` }));
  events.on('warning', ({ code, message }) => {
    if (!expected.has(code)) say({ alarm: `${code}: ${message}` });
  });
  events.on('checkpointFailed', ({ error }) => say({ error: plainError(error), during: 'a checkpoint' }));
  events.on('backupFailed', ({ error }) => say({ error: plainError(error), during: 'a backup' }));
  events.on('fenced', ({ error }) => {
    say({ error: plainError(error), during: 'what fenced' });
    say({ fenced: true });
  });
  events.on('backup', ({ path }) => say({ backup: path }));
  events.on('checkpoint', () => say({ checkpoints: 1 }));
}

export function measure(): Omit<Sample, 'at'> {
  // Started with --expose-gc: what is left after a collection is what is held.
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('Start this program with --expose-gc.');
  collect();
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, rssBytes: rss, descriptors: readdirSync('/proc/self/fd').length };
}
