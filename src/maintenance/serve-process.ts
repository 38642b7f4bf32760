/** Serves the job process: runs the one job that it receives, under a watchdog, and answers. */
import { Worker } from 'node:worker_threads';
import { answer, createSharedState } from './shared-state';
import { executeNow, executeOnline } from './run-job';
import { copyRateFor } from './copy-rate';
import { serializeError } from './serialized-error';
import type { Job, JobLimits, JobProgress, ProcessMessage, ResultOf, WorkerMessage } from './messages';

/** Serves in this process, whose program is this text. */
export function serveProcess(program: string): void {
  // A signal to the whole group (Ctrl-C, a service manager) is for the host, which ends this process itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  const control = createSharedState();
  process.on('message', (message: ProcessMessage) => {
    if (message.type === 'answer') return answer(control, message.pages);
    // A schema can take all memory in less time than a thread takes to start.
    startWatchdog(program, message.limits, message.job.file.trim()).once('online', () => void run(message.job));
  });

  async function run(job: Job): Promise<void> {
    try {
      send({ type: 'done', id: 0, result: await perform(job) });
    } catch (error) {
      send({ type: 'failed', id: 0, error: serializeError(error) });
    }
  }

  function perform(job: Job): ResultOf<Job> | Promise<ResultOf<Job>> {
    const report = (progress: JobProgress): void => send({ type: 'progress', id: 0, progress });
    // No other connection of this process has the file, so no thread has to be blocked while this one closes.
    if (job.kind === 'online-backup') return executeOnline(job, report, copyRateFor(job, control, report), null);
    return executeNow(job, report, null);
  }
}

function send(message: WorkerMessage): void {
  process.send?.(message);
}

function startWatchdog(program: string, limits: JobLimits, file: string): Worker {
  const workerData: WatchdogData = { watchdog: true, limits, parent: process.ppid, file };
  const watchdog = new Worker(program, { eval: true, workerData, execArgv: [] });
  watchdog.unref();
  return watchdog;
}

/** Identifies the watchdog thread to itself. */
export interface WatchdogData {
  readonly watchdog: true;
  readonly limits: JobLimits;
  /** Process id of the host when the job began. */
  readonly parent: number;
  /** The database of the job. */
  readonly file: string;
}
