/** Runs one checkpoint of a file: in the maintenance thread, or in this one where no thread is wanted. */
import type { FileIdentity } from '../base/file-identity';
import { retryUntilDone } from '../base/retry';
import { SqliteBusyError } from '../errors/sqlite-errors';
import { translateError } from '../errors/translate';
import { runJobSync } from '../maintenance/run-inline';
import { runJob } from '../maintenance/jobs-client';
import type { FileUser } from './file-user';
import type { ResolvedCheckpoint } from '../options/resolved';
import type { CheckpointJob, CheckpointMode, CheckpointResult } from '../maintenance/messages';

export interface CheckpointTarget {
  /** Canonical path. */
  readonly file: string;
  readonly identity: FileIdentity | null;
  readonly fullfsync: boolean;
  readonly nativeBinding: string | object | null;
  readonly thread: 'worker' | 'main';
}

/** What a checkpoint of a file is made of. */
interface CheckpointSubject {
  readonly target: { readonly file: string; readonly identity: FileIdentity | null };
  readonly users: Iterable<FileUser>;
  readonly settings: ResolvedCheckpoint | 'off';
}

/** What the thread needs to know of the file. */
export function checkpointTarget({ target, users, settings }: CheckpointSubject): CheckpointTarget {
  const { file, identity } = target;
  const connection = [...users].find(({ checkpoints }) => checkpoints)?.connection;
  const nativeBinding = connection?.options.nativeBinding ?? null;
  const wanted = settings === 'off' ? 'worker' : settings.thread;
  // An addon object cannot be sent to another thread.
  const thread = typeof nativeBinding === 'object' && nativeBinding !== null ? 'main' : wanted;
  return { file, identity, nativeBinding, thread, fullfsync: connection?.plan.fullfsync ?? false };
}

export interface RunOptions {
  /** Somebody awaits the result: the process stays alive for it. */
  readonly awaited: boolean;
  /** Checkpoints that may follow in its thread until no commit overtakes one; `undefined`: it ends with its own copying. */
  readonly followUps: number | undefined;
  /** Aborts when the last connection of the application closes: a job's own would be the last one then. */
  readonly signal: AbortSignal;
}

/** ms. A PASSIVE waits for nobody; this is for the open, while another process recovers the WAL. */
const openWaitMs = 100;
/** ms. A TRUNCATE that waits for readers keeps the writers of every thread and process waiting as well. */
const truncateWaitMs = 2;

/**
 * Tries that met a lock. Only a lock: after a failed sync or any other I/O error nothing is repeated, because the kernel
 * reports a lost write once and then says that all is well.
 */
const retries = { retries: 4, minTimeout: 20, maxTimeout: 250, factor: 2, randomize: true } as const;

/** Rejects with the translated error of SQLite, or with what the maintenance thread threw. */
export async function runCheckpoint(
  target: CheckpointTarget,
  mode: CheckpointMode,
  options: RunOptions,
): Promise<CheckpointResult> {
  const { awaited, signal } = options;
  return retryUntilDone(() => attempt(target, mode, options), {
    ...retries,
    unref: !awaited,
    // A TRUNCATE that a caller awaits and that met a lock is tried again.
    isDone: result => !(awaited && mode === 'truncate' && result.busy),
    // Not p-retry's own `signal`: a checkpoint that ran through counts, also when the file was closed meanwhile.
    shouldRetry: ({ error }) => !signal.aborted && (error === undefined || error instanceof SqliteBusyError),
  });
}

async function attempt(
  target: CheckpointTarget,
  mode: CheckpointMode,
  { awaited, followUps, signal }: RunOptions,
): Promise<CheckpointResult> {
  signal.throwIfAborted();
  const job: CheckpointJob = {
    kind: 'checkpoint',
    mode,
    file: target.file,
    identity: target.identity,
    busyTimeoutMs: mode === 'truncate' ? truncateWaitMs : openWaitMs,
    fullfsync: target.fullfsync,
    followUps,
    // An addon object works in this thread only; better-sqlite3 takes it where its types know the path.
    nativeBinding: (target.nativeBinding ?? undefined) as string | undefined,
  };
  try {
    return target.thread === 'main' ? runJobSync(job) : await runJob(job, { keepAlive: awaited });
  } catch (error) {
    throw translateError(error, { file: target.file, operation: `checkpoint (${mode})` });
  }
}
