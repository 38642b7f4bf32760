/**
 * Runs one job in a process of its own, which can be killed at any time.
 *
 *     host                                      job process                       its watchdog (a thread)
 *     start, job + limits (IPC) ------------->  open, SQLite at work ...          processor time, memory, parent
 *                               <-------------  progress*, done | failed          over a limit: reports it, SIGKILL
 *     abort, exit: SIGKILL
 *
 * A database file can make SQLite work for ever: a CHECK constraint that counts to a billion, a pipe in the place of a
 * journal. A thread inside such a call can neither be stopped nor abandoned by the process; a process can.
 */
import type { ChildProcess } from 'node:child_process';
import { statSync } from 'node:fs';
import { atExit } from '../base/at-exit';
import { setTimeout } from '../base/clock';
import { processGlobal } from '../base/process-global';
import { shellWord } from '../base/terminal-text';
import { MaintenanceError, UntrustedFileError } from '../errors/refusals';
import { startProcess } from '../native/programs';
import { childEnvironment } from '../options/child-environment';
import type {
  JobLimits,
  ProcessMessage,
  VerifyJob,
  VacuumIntoJob,
  OnlineBackupJob,
  FoldJob,
  WorkerMessage,
} from './messages';

/** The jobs whose cost depends on the content of a database file. */
export type ProcessJob = VerifyJob | VacuumIntoJob | OnlineBackupJob | FoldJob;

export interface JobProcess {
  /** Kills the process; nothing more is reported. Its files are closed when `onOver` is called. */
  readonly kill: () => void;
  /** Answers a progress report. */
  readonly answer: (pages: number) => void;
}

export interface JobProcessEvents {
  /** The process was started. */
  readonly onStarted?: ((pid: number) => void) | undefined;
  readonly keepAlive: boolean;
  readonly onMessage: (message: WorkerMessage) => void;
  /** The process ended before the job did, or could not be started. */
  readonly onLost: (error: Error) => void;
  /** The process has ended. */
  readonly onOver: () => void;
}

/** Maximum number of concurrent processes, some 50 MB each. Further jobs wait. */
const maxProcesses = 4;
/** JavaScript heap in MB: it holds only findings, never rows of the database. */
const heapMegabytes = 128;
/** Maximum characters kept of a process's last output. */
const longestComplaint = 2000;

const basicProcessorMs = 60_000;
const processorMsPerMegabyte = 2000;
const basicMemoryBytes = 512 * 1024 * 1024;
/** A row can be as large as its file, and SQLite holds it in memory more than once. */
const memoryPerFileByte = 3;

/** A killed process ends within this time, in milliseconds, unless the disk does not answer. */
const killedMs = 5000;

interface Queue {
  running: number;
  readonly waiting: Set<() => void>;
}

const queue = processGlobal<Queue>('job-processes', 1, () => ({ running: 0, waiting: new Set() }));

/** Returns limits far above the needs of a sound database of this size, even on a slow machine, and far below harm. */
export function limitsFor(fileBytes: number): JobLimits {
  return {
    processorMs: basicProcessorMs + (fileBytes / 1_000_000) * processorMsPerMegabyte,
    memoryBytes: basicMemoryBytes + fileBytes * memoryPerFileByte,
  };
}

/** Starts the job once a process is free. Throws if this process may start none. */
export function startJobProcess(
  job: ProcessJob,
  events: JobProcessEvents,
  limits: JobLimits = limitsFor(bytesOf(job.file)),
): JobProcess {
  let running: JobProcess | null = null;
  const start = (): void => {
    let holdsPlace = true;
    const leave = (): void => {
      if (!holdsPlace) return;
      holdsPlace = false;
      queue.running -= 1;
      for (const next of queue.waiting) return next();
    };
    const child = launch(job, limits, { ...events, onOver: () => (events.onOver(), leave()) });
    queue.running += 1;
    // The caller has given up on it.
    running = { answer: child.answer, kill: () => (child.kill(), leave()) };
  };
  const startLater = (): void => {
    queue.waiting.delete(startLater);
    try {
      start();
    } catch (cause) {
      events.onLost(notStarted(job, cause));
      events.onOver();
    }
  };
  if (queue.running < maxProcesses) start();
  else queue.waiting.add(startLater);
  return {
    kill: () => {
      if (running !== null) return running.kill();
      if (queue.waiting.delete(startLater)) events.onOver();
    },
    answer: pages => running?.answer(pages),
  };
}

function launch(job: ProcessJob, limits: JobLimits, events: JobProcessEvents): JobProcess {
  const child = startProcess('worker', {
    // Without the parent's flags: its `--import` and `--require` hooks belong to the application.
    flags: [`--max-old-space-size=${heapMegabytes}`],
    env: childEnvironment(),
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  let finished = false;
  const kill = (): void => {
    finished = true;
    child.kill('SIGKILL');
    // The caller waits for its end, and removes the files of the job then: this process lives that long. One that is
    // blocked on a disk survives SIGKILL, and is not waited for.
    if (events.keepAlive) setTimeout(() => child.unref(), killedMs).unref();
    else child.unref();
    child.stderr?.destroy();
    if (child.connected) child.disconnect();
  };
  const forgetExit = atExit(() => child.kill('SIGKILL'));
  const lost = (error: Error): void => {
    if (finished) return;
    finished = true;
    events.onLost(error);
  };
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = `${complaints}${text}`.slice(-longestComplaint);
  });
  child.on('message', (message: WorkerMessage) => {
    if (finished) return;
    if (message.type === 'done' || message.type === 'failed') {
      finished = true;
      // Its connection is closed. Killing it ends it sooner, and with it the wait of the caller.
      child.kill('SIGKILL');
    }
    events.onMessage(message);
  });
  const over = (): void => {
    forgetExit();
    events.onOver();
  };
  child.once('error', cause => {
    lost(notStarted(job, cause));
    // No `exit` follows if it could not be started.
    if (child.pid === undefined) over();
  });
  // After the end of its output, which has the reason.
  child.once('close', (code, signal) => {
    lost(ended(job, limits, complaints, signal ?? `exit code ${code}`));
  });
  child.once('exit', over);
  send(child, { type: 'job', job, limits });
  if (child.pid !== undefined) events.onStarted?.(child.pid);
  if (!events.keepAlive) {
    child.unref();
    child.channel?.unref();
    (child.stderr as { unref?: () => void } | null)?.unref?.();
  }
  return { kill, answer: pages => send(child, { type: 'answer', pages }) };
}

function send(child: ChildProcess, message: ProcessMessage): void {
  // A process that has ended is reported by `close`.
  if (child.connected) child.send(message, () => {});
}

/** Bytes to be read: the database and its -wal. */
function bytesOf(file: string): number {
  return ['', '-wal']
    .map(suffix => {
      try {
        return statSync(`${file}${suffix}`, { throwIfNoEntry: false })?.size ?? 0;
      } catch {
        return 0;
      }
    })
    .reduce((sum, bytes) => sum + bytes, 0);
}

function ended(job: ProcessJob, limits: JobLimits, complaints: string, how: string): Error {
  const limit = /^limit: (processor|memory|irregular)$/m.exec(complaints)?.[1];
  const details = { job: job.kind, file: job.file };
  if (limit === undefined) {
    return new MaintenanceError(`The process of a job for ${job.file} ended (${how}).`, {
      details: { ...details, ...(complaints === '' ? {} : { said: complaints.trim() }) },
    });
  }
  if (limit === 'irregular') {
    return new UntrustedFileError(
      `A FIFO stands where ${job.file} or a file beside it is expected: the job was ended.`,
      {
        hint: `It was put there while the job ran. Check it (ls -l ${shellWord(job.file)}*), and move it away.`,
        details: { ...details, limit },
      },
    );
  }
  const what =
    limit === 'processor'
      ? `${Math.round(limits.processorMs / 1000)} s of processor time`
      : `${Math.round(limits.memoryBytes / 1_048_576)} MB of memory`;
  return new MaintenanceError(
    `The job on ${job.file} was killed: it used more than ${what}, which the size of the file does not explain.`,
    {
      hint: 'Do not trust this file: a schema can be made so that it costs any amount of work. Inspect its schema with the sqlite3 shell (`.schema`) before anything else opens it.',
      details: { ...details, limit, ...limits },
    },
  );
}

function notStarted(job: ProcessJob, cause: unknown): MaintenanceError {
  return new MaintenanceError(`No process could be started for a job on ${job.file}.`, {
    hint: 'Check the process and memory limits of this user or container (`ulimit -u`, pids.max), then try again.',
    details: { job: job.kind, file: job.file },
    cause,
  });
}
