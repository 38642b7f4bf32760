/** Runs the copying step, with the chosen method, thread and progress. */
import { statSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { clearInterval, setInterval } from '../base/clock';
import { BackupError } from '../errors/refusals';
import { isStatementFailure } from '../errors/translate';
import { onlineBackup } from '../maintenance/jobs/online-backup';
import { vacuumInto } from '../maintenance/jobs/vacuum-into';
import { startJob, type RunningJob } from '../maintenance/jobs-client';
import type { CopyProgress, CopyResult, HeaderFacts, JobProgress } from '../maintenance/messages';
import { pagesFrom } from '../maintenance/copy-rate';
import type { NativeDatabase } from '../native/better-sqlite3';
import type { BackupMethod, ResolvedBackupOptions } from './options';
import type { BackupSource, SchemaPlace } from './source';
import { discardUntil } from './room';
import { removeTemporary } from './staging-folder';
import { copyBytes, needsCopy } from './unwritable';

/** Poll interval of the growing file of `VACUUM INTO`, in milliseconds: often enough for a progress bar. */
const pollMs = 100;

/**
 * Pages per step in the calling thread without a listener: as in better-sqlite3, which leaves turns to the event loop.
 */
const pagesPerStepHere = 100;

type CopyOptions = Pick<
  ResolvedBackupOptions,
  'method' | 'mayFallBack' | 'attached' | 'progress' | 'pagesPerSecond' | 'signal'
>;

/** Copies one schema to `destination`, and returns the method that was used in the end. */
export async function copyTo(
  destination: string,
  source: BackupSource,
  place: SchemaPlace,
  options: CopyOptions,
): Promise<CopyResult & { readonly method: BackupMethod }> {
  try {
    return { ...(await copyOnce(destination, source, place, options)), method: options.method };
  } catch (error) {
    if (source.native === null && place.kind === 'file' && needsCopy(error, place.file)) {
      return { ...(await copyBytes(place.file, destination, error)), method: 'online' };
    }
    if (options.method === 'online' || !isAboutTheSchema(error)) throw error;
    if (!options.mayFallBack) throw needsOnline(error);
    await removeTemporary(`${destination}-journal`);
    await truncate(destination);
    return { ...(await copyOnce(destination, source, place, { ...options, method: 'online' })), method: 'online' };
  }
}

/** `VACUUM INTO` creates the schema again, which needs every function and module in it; copying pages does not. */
function isAboutTheSchema(error: unknown): error is Error {
  return isStatementFailure(error);
}

function needsOnline(cause: Error): BackupError {
  return new BackupError(`VACUUM INTO cannot create the schema again: ${cause.message}`, {
    hint: "A schema that needs functions, collations or modules of the application is copied by `method: 'online'` (`--method online` on the command line), or without naming a method.",
    cause,
  });
}

/** Copies, and cleans up after a copy that was aborted while SQLite was still writing. */
async function copyOnce(
  destination: string,
  source: BackupSource,
  place: SchemaPlace,
  options: CopyOptions,
): Promise<CopyResult> {
  const copy = startCopy(source, place, destination, options);
  try {
    return await copy.result;
  } catch (error) {
    // Windows cannot delete an open file; elsewhere it is removed at once, and again after SQLite's call has ended, in
    // case the call was just about to open the file when the abort came.
    if (options.signal?.aborted === true && options.method === 'vacuum-into') discardUntil(destination, copy.over);
    if (process.platform === 'win32' || options.signal?.aborted !== true) await copy.over;
    else void copy.over.then(() => removeTemporary(destination));
    throw error;
  }
}

/**
 * Copies one schema to `destination`, an empty file.
 *
 * A schema in a file is copied by the maintenance thread over a connection of its own. An in-memory or temporary one
 * exists only inside the caller's connection: it is copied in the calling thread, whose event loop waits for it.
 */
function startCopy(
  source: BackupSource,
  place: SchemaPlace,
  destination: string,
  options: CopyOptions,
): RunningJob<CopyResult> {
  if (place.kind === 'connection') {
    const result = copyHere(place.native, destination, options);
    return { result, over: result.then(ignore, ignore) };
  }
  const target = {
    file: place.file,
    identity: place.identity,
    nativeBinding: source.nativeBinding,
    destination,
    busyTimeoutMs: source.busyTimeoutMs,
    access: source.access,
    // Without a connection of this process the file is only a name.
    foreign: source.native === null,
  };
  const { signal, progress, pagesPerSecond } = options;
  if (options.method === 'online') {
    return startJob(
      { kind: 'online-backup', ...target, pagesPerSecond, steered: progress !== null },
      { signal, onProgress: report => (report.step === 'copied' ? progress?.(pageCounts(report)) : undefined) },
    );
  }
  if (progress === null) return startJob({ kind: 'vacuum-into', ...target }, { signal });
  const poll = pollGrowth(destination, progress, options.signal);
  const job = startJob({ kind: 'vacuum-into', ...target }, { signal: poll.signal, onProgress: poll.onProgress });
  void job.over.then(poll.stop);
  return job;
}

async function copyHere(
  native: NativeDatabase.Database,
  destination: string,
  options: CopyOptions,
): Promise<CopyResult> {
  const { attached, signal } = options;
  signal?.throwIfAborted();
  if (options.method === 'vacuum-into') {
    return vacuumInto(native, { schema: attached, destination }, ignore);
  }
  let pages = pagesPerStepHere;
  return onlineBackup(native, { schema: attached, destination, snapshot: 'none' }, ignore, progress => {
    signal?.throwIfAborted();
    pages = pagesFrom(options.progress?.(progress), pages);
    return pages;
  });
}

/**
 * Reports the progress of `VACUUM INTO` as the size of the file it writes, relative to the used pages of the source.
 */
function pollGrowth(
  destination: string,
  progress: (progress: CopyProgress) => unknown,
  outer: AbortSignal | undefined,
): { signal: AbortSignal; onProgress: (report: JobProgress) => void; stop: () => void } {
  const broken = new AbortController();
  const signal = outer === undefined ? broken.signal : AbortSignal.any([outer, broken.signal]);
  let timer: NodeJS.Timeout | undefined;
  const look = (header: HeaderFacts): void => {
    const totalPages = Math.max(1, header.pages - header.freePages);
    const written = (statSync(destination, { throwIfNoEntry: false })?.size ?? 0) / header.pageSize;
    const remainingPages = Math.max(1, totalPages - Math.floor(written));
    try {
      pagesFrom(progress({ totalPages, remainingPages }), 0);
    } catch (error) {
      broken.abort(error);
    }
  };
  return {
    signal,
    onProgress: report => {
      if (report.step !== 'started') return;
      look(report.header);
      timer = setInterval(() => look(report.header), pollMs);
    },
    stop: () => clearInterval(timer),
  };
}

function pageCounts({ totalPages, remainingPages }: CopyProgress): CopyProgress {
  return { totalPages, remainingPages };
}

function ignore(): void {}
