/** Runs one job in the thread that it is called in: the worker's program and the calling thread share it. */
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

/** The thread that a job runs in, when it is not the one of the application. */
export interface OwnThread {
  readonly control: SharedState;
  /** Tells the host that the job is about to close its connection. */
  readonly announceClose: () => void;
}

/**
 * Runs a job that is one call, or a few, of SQLite.
 *
 * Copies and checks read through a read-only connection: should the application close its own meanwhile, the job's is
 * the last of the file and leaves the WAL as it is, instead of checkpointing with errors that nobody sees.
 *
 * `thread` is `null` in the thread of the application, which must not wait for itself.
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
      // The copy is a file of its own that counts only after its own sync, so SQLite need not sync it while it writes.
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
 * A checkpoint that failed is not followed by an ordinary close: were the application's connection gone meanwhile, the
 * close would checkpoint once more, and the disk would confirm what it has already lost.
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
 * SQLite looks whether this process has locks on the file, and then closes the descriptor; a lock that another thread takes
 * between the two is gone without a word (docs/decisions/0006). So the application's thread stands still meanwhile.
 */
function close(db: NativeDatabase.Database, thread: OwnThread | null): void {
  if (thread === null) return void db.close();
  thread.announceClose();
  closeWhileHostWaits(thread.control, () => db.close());
}

/** Opening reads the header already, so that damage there is met before the check begins: it is a finding all the same. */
function verifyTarget(job: VerifyJob, thread: OwnThread | null): VerifyResult {
  try {
    return withConnection(job, settings(job.access ?? 'read-only', job), thread, db => verify(withSmallCache(db), job));
  } catch (error) {
    return unreadable(error);
  }
}

/** 2 MB fit into the processor's cache, and the pages pass by once: measured 10 % faster than better-sqlite3's 16 MB. */
function withSmallCache(db: NativeDatabase.Database): NativeDatabase.Database {
  db.pragma('cache_size=-2000');
  return db;
}

function settings(access: ConnectionSettings['access'], job: { readonly busyTimeoutMs: number }): ConnectionSettings {
  return { access, busyTimeoutMs: job.busyTimeoutMs, synchronous: 'full' };
}
