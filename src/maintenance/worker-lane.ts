/**
 * Manages one worker thread and the jobs sent to it.
 *
 *     host thread                          worker thread
 *     postMessage(job, control)  ------->  claim(control), open, work ...
 *                                <-------  progress*            (delivered while SQLite is still at work there)
 *                                <-------  close, markOver(control), done | failed
 *
 * The thread starts with the first job, never keeps the process alive by itself, and ends after a long idle time. It is
 * asked to end and never terminated: terminating a thread inside a call of better-sqlite3 can abort the whole process
 * (https://github.com/WiseLibs/better-sqlite3/issues/1507).
 */
import type { Worker } from 'node:worker_threads';
import { clearTimeout, setTimeout } from '../base/clock';
import { errorMessage } from '../base/foreign-error';
import { MaintenanceError } from '../errors/refusals';
import type { HostMessage, Job, WorkerMessage } from './messages';

/** Idle time in milliseconds after which a thread ends: five minutes free the memory of a rare job. */
const idleMs = 300_000;

export interface LaneJob {
  readonly id: number;
  readonly job: Job;
  readonly control: Int32Array<SharedArrayBuffer>;
  /** True while the result is awaited: the process then stays alive for it. */
  readonly keepAlive: boolean;
  readonly onMessage: (message: WorkerMessage) => void;
  /** The thread ended before the job did. */
  readonly onLost: (error: Error) => void;
}

export class WorkerLane {
  readonly #jobs = new Map<number, LaneJob>();
  readonly #startThread: () => Worker;
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;

  constructor(start: () => Worker) {
    this.#startThread = start;
  }

  /** Sends a job; throws if no thread can be started. */
  start(job: LaneJob): void {
    const worker = (this.#worker ??= this.#startWorker());
    this.#jobs.set(job.id, job);
    this.#adjust(worker);
    post(worker, { type: 'job', id: job.id, job: job.job, control: job.control.buffer });
  }

  /** Forgets a job that was cancelled before the thread took it. */
  forget(id: number): void {
    this.#jobs.delete(id);
    if (this.#worker !== null) this.#adjust(this.#worker);
  }

  #startWorker(): Worker {
    const worker = this.#startThread();
    worker.unref();
    let failure: unknown;
    let cameUp = false;
    worker.on('message', (message: WorkerMessage) => {
      cameUp = true;
      const job = this.#jobs.get(message.id);
      if (message.type === 'done' || message.type === 'failed') this.forget(message.id);
      job?.onMessage(message);
    });
    worker.on('error', error => (failure = error));
    worker.on('exit', code => this.#ended(worker, { code, failure, cameUp }));
    return worker;
  }

  #ended(worker: Worker, { code, failure, cameUp }: WorkerEnd): void {
    // A thread that was sent to rest is no longer this lane's.
    if (this.#worker !== worker) return;
    this.#worker = null;
    if (this.#idle !== null) clearTimeout(this.#idle);
    const lost = [...this.#jobs.values()];
    this.#jobs.clear();
    const reason = failure === undefined ? `exit code ${code}` : errorMessage(failure);
    const what = failure === undefined || cameUp ? `ended (${reason})` : `could not start (${reason})`;
    for (const { job, onLost } of lost) {
      onLost(
        new MaintenanceError(`The maintenance thread ${what} during a job for ${job.file}.`, {
          ...(failure === undefined || cameUp ? {} : { hint: noThreadHint }),
          details: { job: job.kind, file: job.file, exitCode: code },
          cause: failure,
        }),
      );
    }
  }

  #adjust(worker: Worker): void {
    if ([...this.#jobs.values()].some(job => job.keepAlive)) worker.ref();
    else worker.unref();
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    if (this.#jobs.size > 0) return;
    this.#idle = setTimeout(() => this.#rest(worker), idleMs).unref();
  }

  #rest(worker: Worker): void {
    if (this.#worker !== worker || this.#jobs.size > 0) return;
    this.#worker = null;
    post(worker, { type: 'rest' });
  }
}

interface WorkerEnd {
  readonly code: number;
  /** What the thread has thrown; undefined where it has not. */
  readonly failure: unknown;
  /** It has sent a message. */
  readonly cameUp: boolean;
}

const noThreadHint =
  'A thread needs some open files, memory and a task of the system: see the reason, and close what is not needed, or raise the limit (EMFILE: `ulimit -n`; EAGAIN: `ulimit -u`).';

function post(worker: Worker, message: HostMessage): void {
  worker.postMessage(message);
}
