/** Decides which scheduled backups are kept, and when the next one starts. Pure. */

export interface KeepRules {
  readonly newest: number;
  /** Number of past days whose newest backup is kept. */
  readonly daily: number;
  /** Number of past weeks whose newest backup is kept. */
  readonly weekly: number;
}

export type KeepReason = 'newest' | 'daily' | 'weekly' | 'future';

export interface Retention<Item> {
  readonly keep: readonly { readonly item: Item; readonly reasons: readonly KeepReason[] }[];
  readonly remove: readonly Item[];
}

const dayMs = 86_400_000;
/** 1 January 1970 was a Thursday: weeks are counted from the Monday before it, as in ISO 8601. */
const daysBeforeFirstThursday = 3;

/**
 * Keeps the newest backups, the newest one of each of the last days that have one, and the same for weeks, all in UTC.
 *
 * Days and weeks without a backup do not count, so a machine that was off for a month still has its old weeks. A backup
 * of the future is kept: the clock was wrong then, or is now. The newest one is never removed.
 */
export function retention<Item>(
  backups: readonly Item[],
  momentOf: (item: Item) => number,
  now: number,
  rules: KeepRules,
): Retention<Item> {
  const byAge = backups.toSorted((one, other) => momentOf(other) - momentOf(one));
  const past = byAge.filter(item => momentOf(item) <= now);
  const reasons = new Map<Item, KeepReason[]>(byAge.map(item => [item, []]));
  const mark = (items: readonly Item[], reason: KeepReason): void => {
    for (const item of items) reasons.get(item)?.push(reason);
  };
  mark(
    byAge.filter(item => momentOf(item) > now),
    'future',
  );
  mark(past.slice(0, Math.max(1, rules.newest)), 'newest');
  mark(
    newestOfEach(past, item => Math.floor(momentOf(item) / dayMs), rules.daily),
    'daily',
  );
  mark(
    newestOfEach(past, item => weekOf(momentOf(item)), rules.weekly),
    'weekly',
  );
  return {
    keep: byAge.map(item => ({ item, reasons: reasons.get(item) ?? [] })).filter(kept => kept.reasons.length > 0),
    remove: byAge.filter(item => reasons.get(item)?.length === 0),
  };
}

function weekOf(moment: number): number {
  return Math.floor((moment / dayMs + daysBeforeFirstThursday) / 7);
}

/** Returns the first item of each of the first `count` periods; `items` are sorted from new to old. */
function newestOfEach<Item>(items: readonly Item[], periodOf: (item: Item) => number, count: number): readonly Item[] {
  const found = new Map<number, Item>();
  for (const item of items) {
    const period = periodOf(item);
    if (!found.has(period)) found.set(period, item);
  }
  return [...found.values()].slice(0, count);
}

// Decides when the next scheduled backup starts. Pure.

export interface DueFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** When each backup in the folder was started. */
  readonly backups: readonly number[];
  readonly intervalMs: number;
  /** Failed attempts since the last success, and when the last of them ended. */
  readonly failures: number;
  readonly lastFailure: number | null;
}

export interface Due {
  /** When to start; not later than `now` means at once. */
  readonly at: number;
  readonly reason: 'first' | 'interval' | 'missed' | 'retry';
}

/** First wait after a failure, in milliseconds; it doubles with each further one, up to the interval. */
const firstRetryMs = 60_000;

/**
 * The next backup is due one interval after the newest one was started, by whatever process.
 *
 * Backups missed while no process ran are replaced by a single one, at once: a folder full of equal copies has no use.
 */
export function dueBackup({ now, backups, intervalMs, failures, lastFailure }: DueFacts): Due {
  // A backup dated next year, made while the clock was wrong, must not delay the next one until then.
  const newest = backups.reduce((latest, each) => (each <= now ? Math.max(latest, each) : latest), -Infinity);
  // Another process may have made the one that failed here.
  if (failures > 0 && lastFailure !== null && !(newest > lastFailure)) {
    const wait = Math.min(intervalMs, firstRetryMs * 2 ** Math.min(failures - 1, 30));
    return { at: Math.min(lastFailure, now) + wait, reason: 'retry' };
  }
  if (newest === -Infinity) return { at: now, reason: 'first' };
  const at = newest + intervalMs;
  return { at, reason: now - at >= intervalMs ? 'missed' : 'interval' };
}

export interface OverdueFacts {
  readonly now: number;
  /** When the schedule was started. */
  readonly began: number;
  /** When the newest backup was started. */
  readonly newest: number | null;
  readonly intervalMs: number;
}

/** True if no backup was made for two intervals in which the schedule could have made one. */
export function isOverdue({ now, began, newest, intervalMs }: OverdueFacts): boolean {
  return now - Math.max(began, newest ?? began) > 2 * intervalMs;
}
