/** Scheduled backups: one timer, one backup at a time, retention after each, and what is known of the last one. */
import { mkdir } from 'node:fs/promises';
import { parse } from 'node:path';
import { clearTimeout, setTimeout, wallClockNow } from '../base/clock';
import { asError } from '../base/foreign-error';
import type { ResolvedScheduledBackup } from '../options/resolved';
import type { BackupResult } from './options';
import { dueBackup, type Due, retention } from './schedule-rules';
import { backupPath, listBackups, manifestPath, removeBackups } from './folder';
import { manifestOf, writeManifest } from './manifest';
import { takeScheduleLock } from './schedule-lock';

export interface ScheduleDependencies {
  /** Canonical path of the database. */
  readonly source: string;
  /** Makes one verified backup; it must end when `signal` aborts. */
  readonly backup: (destination: string, signal: AbortSignal) => Promise<BackupResult>;
  /** A run failed, or an old backup could not be removed. Failures of `backup` itself come here too. */
  readonly onFailure: (error: Error, next: Due) => void;
  /** Old backups were removed. */
  readonly onRemoved?: ((paths: readonly string[]) => void) | undefined;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: (() => number) | undefined;
}

export interface ScheduleState {
  readonly lastBackup: { readonly path: string; readonly at: string; readonly ageMs: number } | null;
  /** When the next one begins, ISO 8601; `null` before the folder was read, and after the stop. */
  readonly next: string | null;
  readonly running: boolean;
  /** Failures since the last success. */
  readonly failures: number;
  readonly lastError: Error | null;
}

export interface Schedule {
  state(): ScheduleState;
  /** Ends the schedule and aborts a backup that runs; resolves when nothing of it is at work any more. */
  stop(): Promise<void>;
}

/** setTimeout takes 31 bits of milliseconds; a longer wait is looked at again then. */
const longestTimerMs = 0x7fffffff;
/** Wait before another look when a process of the same machine has the turn, in milliseconds. */
const turnRetryMs = 5000;

/** Starts the schedule; its timer does not keep the process alive. */
export function startSchedule(options: ResolvedScheduledBackup, dependencies: ScheduleDependencies): Schedule {
  const { directory, intervalMs, keep } = options;
  const { source } = dependencies;
  const now = dependencies.now ?? wallClockNow;
  const ending = new AbortController();
  let stored: readonly { path: string; moment: number }[] = [];
  let next: number | null = null;
  let failures = 0;
  let lastFailure: number | null = null;
  let lastError: Error | null = null;
  let timer: NodeJS.Timeout | undefined;
  let run: Promise<void> | null = null;

  const due = (): Due =>
    dueBackup({ now: now(), backups: stored.map(each => each.moment), intervalMs, failures, lastFailure });
  const look = async (): Promise<void> => {
    stored = await listBackups(directory, source);
  };
  const make = async (): Promise<void> => {
    const moment = now();
    const path = backupPath(directory, source, moment);
    const result = await dependencies.backup(path, ending.signal);
    stored = [...stored, { path: result.path, moment }];
    await writeManifest(manifestPath(result.path), manifestOf(source, moment, result));
    // What has no manifest says not whose it is: it stays.
    const mine = (await listBackups(directory, source)).filter(({ manifest }) => manifest !== null);
    const { remove } = retention(mine, each => each.moment, now(), keep);
    await removeBackups(directory, remove);
    if (remove.length > 0) dependencies.onRemoved?.(remove.map(each => each.path));
  };
  const turn = async (): Promise<number> => {
    await mkdir(directory, { recursive: true });
    await look();
    if (due().at > now()) return due().at;
    const giveBack = await takeScheduleLock(directory, parse(source).name);
    if (giveBack === null) return now() + Math.min(turnRetryMs, intervalMs);
    try {
      // Another process may have made it while this one waited for its turn.
      await look();
      if (due().at <= now()) await make();
    } finally {
      await giveBack();
    }
    failures = 0;
    lastError = null;
    return due().at;
  };
  const begin = (): void => {
    run = turn()
      .catch((cause: unknown) => {
        if (ending.signal.aborted) return 0;
        failures += 1;
        lastFailure = now();
        lastError = asError(cause);
        const again = due();
        dependencies.onFailure(lastError, again);
        return again.at;
      })
      .then(at => {
        run = null;
        if (!ending.signal.aborted) wait(at);
      });
  };
  const wait = (at: number): void => {
    next = at;
    const delay = Math.max(0, Math.min(longestTimerMs, at - now()));
    timer = setTimeout(begin, delay).unref();
  };
  begin();

  return {
    state: () => ({
      lastBackup: newestOf(stored, now()),
      next: next === null ? null : new Date(next).toISOString(),
      running: run !== null,
      failures,
      lastError,
    }),
    async stop() {
      ending.abort();
      clearTimeout(timer);
      next = null;
      await run;
    },
  };
}

function newestOf(stored: readonly { path: string; moment: number }[], now: number): ScheduleState['lastBackup'] {
  const newest = stored.at(-1);
  if (newest === undefined) return null;
  return { path: newest.path, at: new Date(newest.moment).toISOString(), ageMs: Math.max(0, now - newest.moment) };
}
