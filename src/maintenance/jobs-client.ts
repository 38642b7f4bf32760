/**
 * Runs jobs off the event loop: checks, and work on files that this process does not have open, in one process each
 * (job-process.ts); the rest in threads.
 *
 * There are at most three threads, each started on demand: one for checkpoints, which are short and must not wait; one
 * for copies and checks, which can take minutes; and one that syncs a copy while it is written and hashes it while it
 * is checked. In a thread the jobs of one file run one after another, in order.
 *
 * A job whose result is awaited keeps the process alive until it ends (`keepAlive`, the default); the scheduler's own
 * checkpoints do not. An exit waits for the running call of SQLite, because Node joins its threads.
 */
import { performance } from '../base/clock';
import { processGlobal } from '../base/process-global';
import { MaintenanceError } from '../errors/refusals';
import { programText, startThread, whyNoProcess, whyNoThread } from '../native/programs';
import {
  answer,
  cancel,
  createSharedState,
  requestAbort,
  waitUntilOver,
  waitWhileClosing,
  type SharedState,
} from './shared-state';
import { removeLeftSidecars } from './killed-reader';
import { startJobProcess, type JobProcess, type ProcessJob } from './job-process';
import { runJobInline } from './run-inline';
import { WorkerLane } from './worker-lane';
import type { Job, JobProgress, ResultOf, WorkerMessage } from './messages';
import { firstPages, pagesFrom } from './copy-rate';
import { deserializeError } from './serialized-error';

export interface JobOptions {
  readonly signal?: AbortSignal | undefined;
  /** False: the process may exit while the job runs. Default true. */
  readonly keepAlive?: boolean | undefined;
  /** Its result controls an online backup, like better-sqlite3's `progress`. */
  readonly onProgress?: ((progress: JobProgress) => unknown) | undefined;
  /** The job runs in this process of its own. */
  readonly onProcess?: ((pid: number) => void) | undefined;
}

export interface RunningJob<Result> {
  /** Rejects at once when the signal aborts, even while SQLite is in a call that cannot be interrupted. */
  readonly result: Promise<Result>;
  /**
   * Resolves when the job has closed its connection and released its files, and what a killed one left beside a database
   * that had no sidecars is removed; never rejects.
   */
  readonly over: Promise<void>;
}

interface Task {
  readonly job: Job;
  readonly control: SharedState;
  /** Ends a task that was cancelled before it began. */
  readonly dismiss: (reason: unknown) => void;
}

interface Host {
  readonly lanes: { readonly checkpoint: WorkerLane; readonly copy: WorkerLane; readonly seal: WorkerLane };
  readonly tasks: Map<number, Task>;
  nextId: number;
}

/** Milliseconds. Closing a connection that has only read takes no time, unless the disk hangs. */
const closeMs = 5000;

/**
 * Keyed by the text of the program: it names the better-sqlite3 that the threads load, and uses one version of the
 * messages.
 */
const hosts = processGlobal<Map<string, Host>>('maintenance', 2, () => new Map());

let ownHost: Host | undefined;

function host(): Host {
  return (ownHost ??= hostOf(programText('worker')));
}

/**
 * Loads the program of the threads, with the first database whose checkpoints need it. The first checkpoint may begin in a timer
 * after the tests of a file have ended, when Jest refuses to load modules and fails the run.
 */
export function loadThreadProgram(): void {
  if (ownHost !== undefined || whyNoThread() !== null) return;
  try {
    host();
  } catch {
    // The job that needs it rejects with the reason.
  }
}

function hostOf(program: string): Host {
  const known = hosts.get(program);
  if (known !== undefined) return known;
  const lane = (): WorkerLane => new WorkerLane(() => startThread('worker'));
  const lanes = { checkpoint: lane(), copy: lane(), seal: lane() };
  const created = { lanes, tasks: new Map<number, Task>(), nextId: 1 };
  hosts.set(program, created);
  return created;
}

/** Runs a job and waits for its result. See {@link startJob}. */
export function runJob<SomeJob extends Job>(job: SomeJob, options: JobOptions = {}): Promise<ResultOf<SomeJob>> {
  return startJob(job, options).result;
}

/**
 * Starts a job in its thread, or in the calling one if no thread is available (see `whyNoThread`).
 *
 * Rejects with SQLite's error, with `FileReplacedError` if the path names another file than expected, with
 * `MaintenanceError` if the thread ended, and with the signal's reason if it aborted.
 */
export function startJob<SomeJob extends Job>(job: SomeJob, options: JobOptions = {}): RunningJob<ResultOf<SomeJob>> {
  if (whyNoThread() !== null) return startHere(job, options);
  if (needsProcess(job) && whyNoProcess('worker') === null) {
    const started = startInProcess(job, options);
    if (started !== null) return started;
  }
  return startInThread(job, options);
}

function needsProcess(job: Job): job is ProcessJob {
  switch (job.kind) {
    case 'verify':
      return true;
    case 'vacuum-into':
    case 'online-backup':
    case 'fold':
      return job.foreign === true;
    case 'checkpoint':
    case 'sync':
    case 'hash':
    case 'transfer':
    case 'probe':
      return false;
  }
}

/** Returns `null` if the process does not start; a thread is used instead. */
function startInProcess<SomeJob extends Job>(
  job: SomeJob & ProcessJob,
  options: JobOptions,
): RunningJob<ResultOf<SomeJob>> | null {
  const result = Promise.withResolvers<ResultOf<SomeJob>>();
  const over = Promise.withResolvers<void>();
  const { signal, onProgress } = options;
  if (signal?.aborted === true) {
    result.reject(signal.reason);
    over.resolve();
    return { result: result.promise, over: over.promise };
  }
  let answered = false;
  const giveUp = (reason: unknown): void => {
    child.kill();
    result.reject(reason);
  };
  const onAbort = (): void => giveUp(signal?.reason);
  let pages = firstPages;
  const onMessage = (message: WorkerMessage): void => {
    // Its connection is closed.
    answered ||= message.type !== 'progress';
    if (message.type === 'done') return result.resolve(message.result as ResultOf<SomeJob>);
    if (message.type === 'failed' && message.error.family !== 'aborted') {
      return result.reject(deserializeError(message.error, job));
    }
    if (message.type !== 'progress') return;
    try {
      const returned = onProgress?.(message.progress);
      if (message.progress.step !== 'copied') return;
      pages = pagesFrom(returned, pages);
      child.answer(pages);
    } catch (error) {
      giveUp(error);
    }
  };
  const onOver = (): void => {
    signal?.removeEventListener('abort', onAbort);
    if (answered) over.resolve();
    else removeLeftSidecars(job, keepAlive, over.resolve);
  };
  let child: JobProcess;
  const keepAlive = options.keepAlive ?? true;
  try {
    child = startJobProcess(job, { keepAlive, onStarted: options.onProcess, onMessage, onLost: result.reject, onOver });
  } catch {
    return null;
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  return { result: result.promise, over: over.promise };
}

/**
 * For `close()`, which cannot await: cancels the checkpoints of a file that have not begun, and blocks the calling
 * thread until the running one has closed its connection. False if that took longer than `timeoutMs`.
 *
 * Afterwards no connection of this library's thread can be the last one of the file and checkpoint it unreported.
 */
export function waitForCheckpoints(file: string, timeoutMs: number): boolean {
  const deadline = performance.now() + timeoutMs;
  // Waiting ones first: while this thread waits for the running one, none of them may begin.
  stopCheckpoints(file);
  return checkpointsOf(file).every(({ control }) => waitUntilOver(control, Math.max(0, deadline - performance.now())));
}

/** Cancels the requested checkpoints of the file that have not begun; a running one is the last. */
export function stopCheckpoints(file: string): void {
  for (const { control, dismiss } of checkpointsOf(file)) {
    if (cancel(control)) dismiss(takenBack(file));
    else requestAbort(control);
  }
}

/** Blocks the calling thread while a checkpoint of the file runs; false if that took longer than `timeoutMs`. */
export function waitForCheckpoint(file: string, timeoutMs: number): boolean {
  return checkpointsOf(file).every(({ control }) => {
    // While the calling thread waits, no commit arrives that the job could wait for.
    requestAbort(control);
    return waitUntilOver(control, timeoutMs);
  });
}

/** Of every copy of this package in this process. Loads no program: a close that needs one could fail. */
function checkpointsOf(file: string): readonly Task[] {
  const tasks = [...hosts.values()].flatMap(host => [...host.tasks.values()]);
  return tasks.filter(({ job }) => job.kind === 'checkpoint' && job.file === file);
}

function takenBack(file: string): MaintenanceError {
  return new MaintenanceError(`The checkpoint of ${file} was cancelled: the file is closing, or fenced.`);
}

function startInThread<SomeJob extends Job>(job: SomeJob, options: JobOptions): RunningJob<ResultOf<SomeJob>> {
  const result = Promise.withResolvers<ResultOf<SomeJob>>();
  const over = Promise.withResolvers<void>();
  const { signal } = options;
  if (signal?.aborted === true) {
    result.reject(signal.reason);
    over.resolve();
    return { result: result.promise, over: over.promise };
  }
  const { lanes, tasks } = host();
  const lane = lanes[laneOf(job.kind)];
  const id = host().nextId++;
  const control = createSharedState();
  const finish = (): void => {
    signal?.removeEventListener('abort', onAbort);
    tasks.delete(id);
    over.resolve();
  };
  const dismiss = (reason: unknown): void => {
    result.reject(reason);
    lane.forget(id);
    finish();
  };
  const onAbort = (): void => {
    if (cancel(control)) return dismiss(signal?.reason);
    requestAbort(control);
    result.reject(signal?.reason);
  };
  const onProgress = answerProgress(control, options.onProgress, result.reject);
  const onMessage = (message: WorkerMessage): void => {
    if (message.type === 'progress') return onProgress(message.progress);
    if (message.type === 'closing') return void waitWhileClosing(control, closeMs);
    if (message.type === 'done') result.resolve(message.result as ResultOf<SomeJob>);
    else result.reject(message.error.family === 'aborted' ? signal?.reason : deserializeError(message.error, job));
    finish();
  };
  tasks.set(id, { job, control, dismiss });
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const keepAlive = options.keepAlive ?? true;
    lane.start({ id, job, control, keepAlive, onMessage, onLost: error => (result.reject(error), finish()) });
  } catch (cause) {
    const details = { job: job.kind, file: job.file };
    dismiss(new MaintenanceError('The maintenance thread could not be started.', { details, cause }));
  }
  return { result: result.promise, over: over.promise };
}

function laneOf(kind: Job['kind']): keyof Host['lanes'] {
  if (kind === 'checkpoint') return 'checkpoint';
  return kind === 'sync' || kind === 'hash' ? 'seal' : 'copy';
}

/** Passes each report to the listener and its result back; a listener that throws ends the job with its error. */
function answerProgress(
  control: SharedState,
  listener: JobOptions['onProgress'],
  fail: (error: unknown) => void,
): (progress: JobProgress) => void {
  let pages = firstPages;
  return progress => {
    try {
      const returned = listener?.(progress);
      if (progress.step === 'copied') pages = pagesFrom(returned, pages);
    } catch (error) {
      fail(error);
      requestAbort(control);
    }
    if (progress.step === 'copied') answer(control, pages);
  };
}

function startHere<SomeJob extends Job>(job: SomeJob, options: JobOptions): RunningJob<ResultOf<SomeJob>> {
  const result = runJobInline(job, options);
  const settled = (): void => {};
  return { result, over: result.then(settled, settled) };
}
