/** Decides which scheduled backups are kept: pure. */

export interface KeepRules {
  readonly newest: number;
  /** Days, counted backwards, of which the newest backup is kept. */
  readonly daily: number;
  /** Weeks, counted backwards, of which the newest backup is kept. */
  readonly weekly: number;
}

export type KeepReason = 'newest' | 'daily' | 'weekly' | 'future';

export interface Retention<Item> {
  readonly keep: readonly { readonly item: Item; readonly reasons: readonly KeepReason[] }[];
  readonly remove: readonly Item[];
}

const dayMs = 86_400_000;
/** The first of January 1970 was a Thursday: weeks are counted from the Monday before it, as ISO 8601 has them. */
const daysBeforeFirstThursday = 3;

/**
 * Keeps the newest backups, the newest one of each of the last days that have one, and the same for weeks, all in UTC.
 *
 * Days and weeks without a backup do not count, so a machine that was off for a month still has its old weeks. A
 * backup of the future is kept: the clock was wrong then, or is now. The newest one is never removed.
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

/** The first item of each of the first `count` periods; `items` are sorted from new to old. */
function newestOfEach<Item>(items: readonly Item[], periodOf: (item: Item) => number, count: number): readonly Item[] {
  const found = new Map<number, Item>();
  for (const item of items) {
    const period = periodOf(item);
    if (!found.has(period)) found.set(period, item);
  }
  return [...found.values()].slice(0, count);
}
