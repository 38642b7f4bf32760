/** Serves the maintenance thread: takes jobs, runs each with a connection of its own, answers. */
import type { MessagePort } from 'node:worker_threads';
import { claim, isAbortRequested, markOver, type SharedState } from './shared-state';
import { executeNow, executeOnline, type OwnThread } from './run-job';
import type { HostMessage, Job, JobProgress, ResultOf, WorkerMessage } from './messages';
import { AbortedJob, copyRateFor } from './copy-rate';
import { serializeError } from './serialized-error';

type Send = (message: WorkerMessage) => void;

/** The last job of each file: the next one of the same file waits for it. */
const last = new Map<string, Promise<void>>();

/** Serves the messages of `port`. */
export function serveThread(port: MessagePort): void {
  port.on('message', (message: HostMessage) => {
    if (message.type === 'rest') return port.close();
    const { id, job } = message;
    const control = new Int32Array(message.control);
    const before = last.get(job.file) ?? Promise.resolve();
    const done = before.then(() => run(id, job, control, answer => port.postMessage(answer)));
    last.set(job.file, done);
    void done.then(() => last.get(job.file) === done && last.delete(job.file));
  });
}

async function run(id: number, job: Job, control: SharedState, send: Send): Promise<void> {
  // The host cancelled it while it waited.
  if (!claim(control)) return;
  let answer: WorkerMessage;
  try {
    const thread = { control, announceClose: (): void => send({ type: 'closing', id }) };
    const result = await perform(job, thread, progress => send({ type: 'progress', id, progress }));
    answer = { type: 'done', id, result };
  } catch (error) {
    answer = { type: 'failed', id, error: serializeError(error) };
  }
  markOver(control);
  send(answer);
}

function perform(
  job: Job,
  thread: OwnThread,
  report: (progress: JobProgress) => void,
): ResultOf<Job> | Promise<ResultOf<Job>> {
  const { control } = thread;
  if (job.kind === 'online-backup') return executeOnline(job, report, copyRateFor(job, control, report), thread);
  const reportOrStop = (progress: JobProgress): void => {
    report(progress);
    // Last chance to skip a call that cannot be interrupted.
    if (isAbortRequested(control)) throw new AbortedJob();
  };
  return executeNow(job, reportOrStop, thread);
}
