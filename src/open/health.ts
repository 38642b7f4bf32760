/** `db.health()`: gathers the facts of one open database. */
import { errorCode, errorMessage } from '../base/foreign-error';
import { walLimit } from '../checkpoint/report';
import type { FileScheduler } from '../checkpoint/scheduler';
import { healthOf, type BackupHealth, type CheckpointHealth, type SentinelHealth } from '../health/health';
import type { DatabaseHealth } from './database-health';
import type { OpenDatabase } from './open-database';

export function healthOfOpen(database: OpenDatabase): DatabaseHealth {
  const { connection, supervision, writes } = database;
  const { plan, refusal } = connection;
  const filesystem = plan.filesystem;
  const error = refusal?.();
  return healthOf({
    file: plan.file,
    journalMode: database.journalMode,
    synchronous: plan.synchronous,
    sqliteVersion: plan.sqliteVersion,
    filesystem:
      filesystem === null
        ? null
        : { type: filesystem.type, class: filesystem.class, mountPoint: filesystem.mountPoint },
    warnings: plan.warnings,
    refusal: error === undefined ? null : { code: errorCode(error) ?? '', message: error.message },
    checkpoints: supervision.scheduler === null ? null : checkpointHealth(supervision.scheduler),
    sentinel: plan.file === null ? null : sentinelHealth(database),
    writes: writes.facts(),
    backups: backupHealth(database),
  });
}

function checkpointHealth(scheduler: FileScheduler): CheckpointHealth {
  const { settings, history } = scheduler;
  const now = performance.now();
  const { blocked, failed } = history;
  return {
    owner: settings === 'off' ? 'off' : settings.owner,
    walBytes: scheduler.observe().fileBytes,
    walLimitBytes: settings === 'off' ? null : walLimit(settings),
    lastCompleteAgeMs: Number.isFinite(history.completeAt) ? now - history.completeAt : null,
    blocked: blocked === null ? null : { consecutive: blocked.consecutive, forMs: now - blocked.since },
    failed:
      failed === null
        ? null
        : {
            consecutive: failed.consecutive,
            code: errorCode(failed.error) ?? '',
            message: errorMessage(failed.error),
          },
  };
}

function sentinelHealth({ supervision }: OpenDatabase): SentinelHealth {
  if (supervision.sentinel === null) return { locks: 'off', reason: 'it is switched off', checks: 0 };
  return supervision.sentinel.status();
}

function backupHealth({ schedule }: OpenDatabase): BackupHealth | null {
  if (schedule === null) return null;
  const { lastBackup, next, running, failures, lastError } = schedule.state();
  return { lastBackup, next, running, failures, lastError: lastError === null ? null : errorMessage(lastError) };
}
