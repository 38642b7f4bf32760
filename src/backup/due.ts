/** Decides when the next scheduled backup begins: pure. */

export interface DueFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** When each backup in the folder was begun. */
  readonly backups: readonly number[];
  readonly intervalMs: number;
  /** Attempts that failed since the last success, and when the last of them ended. */
  readonly failures: number;
  readonly lastFailure: number | null;
}

export interface Due {
  /** When to begin; not later than `now` means at once. */
  readonly at: number;
  readonly reason: 'first' | 'interval' | 'missed' | 'retry';
}

/** First wait after a failure, in milliseconds; it doubles with each further one, up to the interval. */
const firstRetryMs = 60_000;

/**
 * The next backup is due one interval after the newest one began, whatever process made it.
 *
 * Backups that were missed while nothing ran are made up for by one, at once: a folder full of equal copies helps nobody.
 */
export function dueBackup({ now, backups, intervalMs, failures, lastFailure }: DueFacts): Due {
  if (failures > 0 && lastFailure !== null) {
    const wait = Math.min(intervalMs, firstRetryMs * 2 ** Math.min(failures - 1, 30));
    return { at: Math.min(lastFailure, now) + wait, reason: 'retry' };
  }
  // A backup of next year, made while the clock was wrong, must not keep the next one waiting until then.
  const newest = backups.reduce((latest, each) => (each <= now ? Math.max(latest, each) : latest), -Infinity);
  if (newest === -Infinity) return { at: now, reason: 'first' };
  const at = newest + intervalMs;
  return { at, reason: now - at >= intervalMs ? 'missed' : 'interval' };
}
