/** Gathers the facts of one open database for `db.health()`. */
import { dirname } from 'node:path';
import { performance } from '../base/clock';
import { errorCode, errorMessage, textOf } from '../base/foreign-error';
import { checkpointFacts } from '../checkpoint/health-facts';
import {
  healthOf,
  type BackupHealth,
  type CheckHealth,
  type JobsHealth,
  type SentinelHealth,
  type SpaceHealth,
  type DatabaseHealth,
  type OpenTransaction,
} from './health';
import type { Schedule } from '../backup/schedule';
import type { FileScheduler } from '../checkpoint/scheduler';
import type { Connection } from '../connection/connection';
import type { FilesystemErrors } from '../filesystem/linux/error-counters';
import { readSpace } from '../filesystem/space';
import { whyNoThread } from '../native/programs';
import { jobsOnEventLoop } from '../policy/event-loop-jobs';
import type { ConnectionSentinel } from '../sentinel/connection-sentinel';
import type { DatabaseReaders } from '../readers/database-readers';
import type { WriteQueue } from '../writes/write-queue';

/** The sources of health: one open database and its services. */
export interface HealthSubject {
  readonly connection: Connection;
  readonly services: { readonly scheduler: FileScheduler | null; readonly sentinel: ConnectionSentinel | null };
  readonly writes: WriteQueue;
  readonly readers: DatabaseReaders;
  readonly schedule: Schedule | null;
  readonly journalMode: string;
  filesystemErrors(): FilesystemErrors | null;
}

export function healthOfOpen(database: HealthSubject): DatabaseHealth {
  const { connection, services, writes } = database;
  const { plan, refusal } = connection;
  const filesystem = plan.filesystem;
  const error = refusal?.();
  // A connection without handles is closed, or about to be.
  const settings = error === undefined ? connection.commitSettings() : null;
  return healthOf({
    file: plan.file,
    journalMode: settings?.journalMode ?? database.journalMode,
    synchronous: settings?.synchronous ?? plan.synchronous,
    sqliteVersion: plan.sqliteVersion,
    filesystem:
      filesystem === null
        ? null
        : {
            type: filesystem.type,
            class: filesystem.class,
            mountPoint: filesystem.mountPoint,
            durable: filesystem.durable,
          },
    filesystemErrors: database.filesystemErrors(),
    space: spaceHealth(connection),
    warnings: connection.warnings,
    refusal:
      error === undefined
        ? null
        : { code: errorCode(error) ?? '', message: error.message, hint: textOf(error, 'hint') },
    checkpoints: checkpointFacts(services.scheduler),
    jobs: plan.file === null ? null : jobsHealth(connection),
    sentinel: plan.file === null ? null : sentinelHealth(database),
    commitMs: connection.commitHooks.commitMs.read(),
    faults: connection.faults.read(),
    fullAgeMs: connection.faults.fullAgeMs,
    lastCheck: lastCheck(connection),
    openTransaction: openTransaction(connection),
    writes: writes.facts(),
    readers: database.readers.facts(),
    backups: backupHealth(database),
  });
}

function lastCheck({ lastCheck: last }: Connection): CheckHealth | null {
  if (last === null) return null;
  const { ok, level, at, problem } = last;
  return { ok, level, ageMs: performance.now() - at, problem };
}

function openTransaction({ commitHooks, native }: Connection): OpenTransaction | null {
  const { open, wrote } = commitHooks;
  if (open === null || !native.open || !native.inTransaction) return null;
  return { ageMs: performance.now() - open.since, sql: open.sql, wrote };
}

/** Filesystems whose statfs(2) is answered by this kernel; another machine, or a program, may not answer. */
const answeredHere: ReadonlySet<string> = new Set(['local', 'memory', 'union']);

function spaceHealth({ plan }: Connection): SpaceHealth | null {
  const { file, filesystem, readonly } = plan;
  if (file === null || readonly || filesystem === null || !answeredHere.has(filesystem.class)) return null;
  if (filesystem.verdict === 'read-only') return null;
  try {
    const { freeBytes, totalBytes, freeInodes, totalInodes } = readSpace(dirname(file));
    return { freeBytes, totalBytes, freeInodes, totalInodes };
  } catch {
    return null; // The folder is gone or the disk does not answer; the sentinel and the faults report that.
  }
}

function jobsHealth({ options }: Connection): JobsHealth {
  const obstacle = whyNoThread();
  return { thread: obstacle === null ? 'worker' : 'main', obstacle: jobsOnEventLoop(obstacle, options.checkpoint) };
}

function sentinelHealth({ services }: HealthSubject): SentinelHealth {
  if (services.sentinel === null) return { locks: 'off', reason: 'it is switched off', checks: 0 };
  return services.sentinel.status();
}

function backupHealth({ schedule }: HealthSubject): BackupHealth | null {
  if (schedule === null) return null;
  const { lastError, ...state } = schedule.state();
  return { ...state, lastError: lastError === null ? null : errorMessage(lastError) };
}
