/** Gathers the checkpoint part of `db.health()`. */
import { performance } from '../base/clock';
import { errorCode } from '../base/foreign-error';
import type { CheckpointHealth } from './checkpoint-health';
import { walLimit } from './report';
import type { FileScheduler } from './scheduler';

/** Returns `null` for a database without a WAL, and if every connection is read-only. */
export function checkpointFacts(scheduler: FileScheduler | null): CheckpointHealth | null {
  if (scheduler === null || ![...scheduler.users].some(user => user.checkpoints)) return null;
  const { settings, history, counters } = scheduler;
  const now = performance.now();
  const { walBytes, pendingBytes } = scheduler.wal.look();
  // A small, fully copied WAL need not be reset.
  const pinned = pendingBytes > 0 || walBytes > walLimit(settings) ? history.pinned : null;
  const blocked = history.blocked ?? pinned;
  const { failed, completeAt } = history;
  return Object.freeze({
    owner: settings === 'off' ? 'off' : settings.owner,
    walBytes,
    walLimitBytes: walLimit(settings),
    pendingBytes,
    lastCompleteAgeMs: Number.isFinite(completeAt) ? now - completeAt : null,
    blocked: blocked === null ? null : { consecutive: blocked.consecutive, forMs: now - blocked.since },
    failed:
      failed === null
        ? null
        : {
            consecutive: failed.consecutive,
            code: errorCode(failed.error) ?? failed.error.name,
            message: failed.error.message,
          },
    counts: counters.counts,
    durationMs: counters.durationMs,
  });
}
