/** Turns the results of checkpoints into events; every event is also logged. */
import { performance } from '../base/clock';
import { defaults } from '../options/defaults';
import type { CheckpointMode, CheckpointResult } from '../maintenance/messages';
import type { History } from './history';
import type { ResolvedCheckpoint } from '../options/resolved';
import type { FileUser } from './file-user';
import type { WalStatus } from './wal-status';
import type { EventFactsOf } from '../events/event-hub';
import type { EventName, RunningRead } from '../events/event-map';
import type { Logger } from '../events/logger';

export function reportResult(users: Iterable<FileUser>, result: CheckpointResult, history: History): void {
  const streak = result.mode === 'truncate' ? history.untruncated : history.blocked;
  if (result.complete || streak === null) return announce(users, 'checkpoint', result);
  // With a reader PASSIVE reports busy=0 and fewer frames copied than exist.
  const reason = result.busy ? 'busy' : 'reader';
  announce(users, 'checkpointBlocked', {
    ...result,
    reason,
    consecutive: streak.consecutive,
    blockedForMs: performance.now() - streak.since,
    readers: readsOf(users),
  });
}

/**
 * Reports that a reader of the latest snapshot keeps a fully copied WAL from being reset, so it grows.
 *
 * Ignores the first occurrence: it may be a short transaction in another thread or process.
 */
export function reportPinned(users: Iterable<FileUser>, { last, pinned }: History): void {
  if (last === null || pinned === null || pinned.consecutive === 1) return;
  announce(users, 'checkpointBlocked', {
    ...last,
    complete: false,
    reason: 'reader',
    consecutive: pinned.consecutive,
    blockedForMs: performance.now() - pinned.since,
    readers: readsOf(users),
  });
}

function readsOf(users: Iterable<FileUser>): readonly RunningRead[] {
  return [...users].flatMap(user => user.reads()).toSorted((a, b) => b.ageMs - a.ageMs);
}

export interface FailedCheckpoint {
  readonly mode: CheckpointMode;
  readonly error: Error;
  readonly history: History;
  readonly willRetry: boolean;
}

export function reportFailure(users: Iterable<FileUser>, { mode, error, history, willRetry }: FailedCheckpoint): void {
  announce(users, 'checkpointFailed', { mode, error, consecutive: history.failed?.consecutive ?? 1, willRetry });
}

/** Milliseconds: first and longest time between two warnings about one WAL. */
const firstWarningPauseMs = 60_000;
const longestWarningPauseMs = 900_000;

/** The WAL that `WalWarning` judges: its file, its settings and its checkpoint history. */
interface WatchedWal {
  readonly file: string;
  readonly settings: ResolvedCheckpoint | 'off';
  readonly users: Iterable<FileUser>;
  readonly history: History;
}

/** Warns repeatedly while a WAL is above its limit. */
export class WalWarning {
  #warnings = 0;
  #nextAt = 0;

  /** `now`: milliseconds of the monotonic clock. */
  check(state: WalStatus, { file, settings, users, history }: WatchedWal, now: number): void {
    const limit = walLimit(settings);
    const bytes = state.exact ? state.walBytes : state.pendingBytes;
    const concerned = [...users].some(user => user.checkpoints);
    if (bytes <= limit || !concerned) {
      this.#warnings = 0;
      this.#nextAt = 0;
      return;
    }
    if (now < this.#nextAt) return;
    this.#nextAt = now + Math.min(firstWarningPauseMs * 2 ** this.#warnings, longestWarningPauseMs);
    this.#warnings += 1;
    const since = history.blocked?.since ?? history.pinned?.since ?? history.failed?.since;
    announce(users, 'warning', {
      code: 'wal-above-limit',
      message: `The WAL of ${file} holds ${bytes} bytes, above its limit of ${limit}: ${whyLarge(settings, history)}.`,
      details: {
        walBytes: bytes,
        limit,
        pendingBytes: state.pendingBytes,
        unsuccessfulForMs: since === undefined ? 0 : now - since,
      },
    });
  }
}

/** Bytes in the WAL above which something is wrong. */
export function walLimit(settings: ResolvedCheckpoint | 'off'): number {
  return settings === 'off' ? defaults.checkpoint.truncateAboveBytes : settings.truncateAboveBytes;
}

function whyLarge(settings: ResolvedCheckpoint | 'off', { failed, blocked, pinned }: History): string {
  if (settings === 'off') return '`checkpoint` is off, and the application did not call `db.checkpoint()`';
  if (settings.owner === 'external') return 'the external program that checkpoints it is too slow or is not running';
  if (failed !== null) return `checkpoints fail (${failed.error.message})`;
  if (blocked !== null || pinned !== null) return 'a reader blocks checkpoints; check for `longTransaction` events';
  return 'writers are faster than checkpoints';
}

// Publishes an event of a file to every connection that has it open, and logs it once per logger.

export function announce<Name extends EventName>(
  users: Iterable<FileUser>,
  name: Name,
  facts: EventFactsOf<Name>,
): void {
  const told = new Set<Logger>();
  const file = [...users].find(user => user.file !== undefined)?.file;
  // A connection's events name its main file, even for an attached one.
  const about = file === undefined ? facts : { file, ...facts };
  // Copied first: a listener may close a connection and open another, which would be notified as well, without end. A
  // connection that has the file under several names is notified once.
  const hubs = new Map([...users].map(({ connection }) => [connection.hub, connection.options.logger]));
  for (const [hub, logger] of hubs) {
    if (told.has(logger)) hub.relay(name, about);
    else hub.publish(name, about);
    told.add(logger);
  }
}
