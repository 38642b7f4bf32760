/** Runs one checkpoint of a file: in the maintenance thread, or in this thread if no worker is wanted. */
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

/** The inputs of a checkpoint. */
interface CheckpointSubject {
  readonly target: { readonly file: string; readonly identity: FileIdentity | null };
  readonly users: Iterable<FileUser>;
  readonly settings: ResolvedCheckpoint | 'off';
}

/** Returns the facts about the file that the thread needs. */
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
  /** The caller awaits the result: the process stays alive for it. */
  readonly awaited: boolean;
  /**
   * Checkpoints that may follow in its thread until no commit overtakes one; `undefined`: it ends after its own copy.
   */
  readonly followUps: number | undefined;
  /** Aborts when the last connection of the application closes: the job's own connection would then be the last one. */
  readonly signal: AbortSignal;
}

/** Milliseconds. A PASSIVE waits for no lock; this is for the open, while another process recovers the WAL. */
const openWaitMs = 100;
/** Milliseconds. While a TRUNCATE waits for readers, writers in every thread and process wait too. */
const truncateWaitMs = 2;

/**
 * Retries after a lock only: after a failed sync or any other I/O error nothing is retried, because the kernel reports
 * a lost write once and then reports success.
 */
const retries = { retries: 4, minTimeout: 20, maxTimeout: 250, factor: 2, randomize: true } as const;

/** Rejects with the translated error of SQLite, or with the error of the maintenance thread. */
export async function runCheckpoint(
  target: CheckpointTarget,
  mode: CheckpointMode,
  options: RunOptions,
): Promise<CheckpointResult> {
  const { awaited, signal } = options;
  return retryUntilDone(() => attempt(target, mode, options), {
    ...retries,
    unref: !awaited,
    // An awaited TRUNCATE that met a lock is retried.
    isDone: result => !(awaited && mode === 'truncate' && result.busy),
    // Not p-retry's own `signal`: a finished checkpoint counts even if the file was closed meanwhile.
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
    // An addon object works in this thread only; better-sqlite3 accepts it although its types allow only a path.
    nativeBinding: (target.nativeBinding ?? undefined) as string | undefined,
  };
  try {
    return target.thread === 'main' ? runJobSync(job) : await runJob(job, { keepAlive: awaited });
  } catch (error) {
    throw translateError(error, { file: target.file, operation: `checkpoint (${mode})` });
  }
}
