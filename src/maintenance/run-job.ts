/** Runs one job in the current thread; shared by the worker's program and the calling thread. */
import { fsyncSync } from 'node:fs';
import { closeWhileHostWaits, type SharedState } from './shared-state';
import { openForJob, type ConnectionSettings } from './job-connection';
import { catchUp } from './jobs/catch-up';
import { checkpoint } from './jobs/checkpoint';
import { fold } from './jobs/fold';
import { onlineBackup, type Steer } from './jobs/online-backup';
import { hashFile, transfer } from './jobs/file-content';
import { probe, probeFailure } from './jobs/probe';
import { vacuumInto } from './jobs/vacuum-into';
import { unreadable, verify } from './jobs/verify';
import type { NativeDatabase } from '../native/better-sqlite3';
import { blockCheckpoint } from '../native/close-without-checkpoint';
import type {
  CheckpointJob,
  CheckpointResult,
  Job,
  JobProgress,
  JobTarget,
  OnlineBackupJob,
  ResultOf,
  VerifyJob,
  VerifyResult,
} from './messages';

export type SynchronousJob = Exclude<Job, OnlineBackupJob>;
export type ReportProgress = (progress: JobProgress) => void;

/** The thread that runs a job, if it is not the application's. */
export interface OwnThread {
  readonly control: SharedState;
  /** Announces to the host that the job is about to close its connection. */
  readonly announceClose: () => void;
}

/**
 * Runs a job that consists of one or a few SQLite calls.
 *
 * Copies and checks use a read-only connection: if the application closes its own meanwhile, the job's is the last of
 * the file and leaves the WAL unchanged, instead of running an unreported checkpoint.
 *
 * `thread` is `null` in the application's thread, which must not wait for itself.
 */
export function executeNow(
  job: SynchronousJob,
  report: ReportProgress,
  thread: OwnThread | null,
): ResultOf<SynchronousJob> {
  switch (job.kind) {
    case 'checkpoint':
      return checkpointAlone(job, thread);
    case 'vacuum-into':
      // The copy counts only after its own sync, so SQLite need not sync it while writing.
      return withConnection(job, { ...settings(job.access ?? 'read-only', job), synchronous: 'off' }, thread, db =>
        vacuumInto(withSmallCache(db), { schema: 'main', destination: job.destination }, header =>
          report({ step: 'started', header }),
        ),
      );
    case 'verify':
      return verifyTarget(job, thread);
    case 'fold':
      return withConnection(job, settings('read-write', job), thread, fold);
    case 'probe':
      try {
        return withConnection(job, settings('read-write', job), thread, probe);
      } catch (error) {
        return probeFailure(error);
      }
    case 'sync':
      return fsyncSync(job.descriptor);
    case 'hash':
      return hashFile(job.descriptor);
    case 'transfer':
      return transfer(job);
  }
}

/**
 * Runs a checkpoint and, if it failed, avoids an ordinary close: with the application's connection closed meanwhile,
 * that would checkpoint again, and the disk would confirm data that it has already lost.
 */
function checkpointAlone(job: CheckpointJob, thread: OwnThread | null): ResultOf<CheckpointJob> {
  const db = openForJob(job, settings('read-write', job));
  try {
    const once = (): CheckpointResult => checkpoint(db, job);
    const follow = thread === null ? undefined : job.followUps;
    const result =
      follow === undefined || thread === null
        ? once()
        : catchUp(db, { checkpoint: once, follow, database: job.identity, control: thread.control });
    db.close();
    return result;
  } catch (error) {
    closeWithoutCheckpoint(db, job);
    throw error;
  }
}

function closeWithoutCheckpoint(db: NativeDatabase.Database, job: CheckpointJob): void {
  const hold = blockCheckpoint(job.file, job.identity, job.nativeBinding ?? null);
  db.close();
  hold.release();
}

/** Runs an online backup: many steps with turns of the event loop between them. */
export async function executeOnline(
  job: OnlineBackupJob,
  report: ReportProgress,
  steer: Steer,
  thread: OwnThread | null,
): Promise<ResultOf<OnlineBackupJob>> {
  const db = openForJob(job, settings(job.access ?? 'read-only', job));
  try {
    return await onlineBackup(
      db,
      { schema: 'main', destination: job.destination, snapshot: 'hold' },
      header => report({ step: 'started', header }),
      steer,
    );
  } finally {
    close(db, thread);
  }
}

function withConnection<Result>(
  target: JobTarget,
  connection: ConnectionSettings,
  thread: OwnThread | null,
  use: (db: NativeDatabase.Database) => Result,
): Result {
  const db = openForJob(target, connection);
  try {
    return use(db);
  } finally {
    close(db, thread);
  }
}

/**
 * SQLite checks whether this process has locks on the file, and then closes the descriptor; a lock that another thread
 * takes in between is silently lost (docs/decisions/0006). The application's thread is therefore blocked meanwhile.
 */
function close(db: NativeDatabase.Database, thread: OwnThread | null): void {
  if (thread === null) return void db.close();
  thread.announceClose();
  closeWhileHostWaits(thread.control, () => db.close());
}

/** Opening already reads the header, so damage there precedes the check; it is reported as a finding too. */
function verifyTarget(job: VerifyJob, thread: OwnThread | null): VerifyResult {
  try {
    return withConnection(job, settings(job.access ?? 'read-only', job), thread, db => verify(withSmallCache(db), job));
  } catch (error) {
    return unreadable(error);
  }
}

/**
 * 2 MB fit into the processor's cache, and each page is read once: measured 10 % faster than better-sqlite3's 16 MB.
 */
function withSmallCache(db: NativeDatabase.Database): NativeDatabase.Database {
  db.pragma('cache_size=-2000');
  return db;
}

function settings(access: ConnectionSettings['access'], job: { readonly busyTimeoutMs: number }): ConnectionSettings {
  return { access, busyTimeoutMs: job.busyTimeoutMs, synchronous: 'full' };
}
