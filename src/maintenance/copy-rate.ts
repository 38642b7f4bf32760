/** Sets the copy rate of the worker: one decision after each step of an online backup. */
import { performance } from '../base/clock';
import { InvalidOptionError } from '../errors/refusals';
import { isAbortRequested, pause, waitForAnswer, type SharedState } from './shared-state';
import type { Steer } from './jobs/online-backup';
import type { JobProgress, OnlineBackupJob } from './messages';

/** Pages per step without a listener: 4 MiB at the usual page size, which makes the overhead of a step negligible. */
const freePagesPerStep = 1024;
/** Initial pages per step with a progress listener, as in better-sqlite3; the listener changes it. */
const steeredPagesPerStep = 100;
/** Longest sleep of the worker in one turn, in milliseconds: other jobs of the thread wait no longer than that. */
const napMs = 10;

/** Thrown inside the worker to end a copy between two steps. */
export class AbortedJob extends Error {}

/**
 * Controls one copy: reports each step, keeps to the rate, and stops on the host's request.
 *
 * A step of zero pages yields the thread for a turn, so a waiting copy does not block other jobs.
 */
export function copyRateFor(
  job: Pick<OnlineBackupJob, 'pagesPerSecond' | 'steered'>,
  control: SharedState,
  report: (progress: JobProgress) => void,
): Steer {
  const begun = performance.now();
  let pages = job.steered ? steeredPagesPerStep : freePagesPerStep;
  let reported = 0;
  let answered = true;
  let lastRemaining = -1;
  return ({ totalPages, remainingPages }) => {
    if (isAbortRequested(control)) throw new AbortedJob();
    if (answered && (job.steered || remainingPages !== lastRemaining)) {
      lastRemaining = remainingPages;
      reported += 1;
      report({ step: 'copied', totalPages, remainingPages });
      answered = !job.steered;
    }
    if (!answered) {
      const wanted = waitForAnswer(control, reported, napMs);
      if (wanted === null) return 0;
      answered = true;
      pages = wanted;
      if (pages === 0) pause(control, napMs);
    }
    const allowed = allowedPages(job.pagesPerSecond, totalPages - remainingPages, performance.now() - begun);
    if (allowed === 0) pause(control, napMs);
    return Math.min(pages, allowed);
  };
}

/** Returns the pages that may be copied now, with `copied` done `elapsedMs` after the start. */
export function allowedPages(pagesPerSecond: number | null, copied: number, elapsedMs: number): number {
  if (pagesPerSecond === null) return Number.MAX_SAFE_INTEGER;
  return Math.max(0, Math.floor((pagesPerSecond * (elapsedMs + napMs)) / 1000) - copied);
}

/** Interprets the listener's result as better-sqlite3 does: a number of pages, or nothing for "as before". */
export function pagesFrom(returned: unknown, before: number): number {
  if (returned === undefined) return before;
  if (typeof returned === 'number' && !Number.isNaN(returned)) {
    // The range of the native call. https://sqlite.org/c3ref/backup_finish.html
    return Math.max(0, Math.min(0x7fffffff, Math.round(returned)));
  }
  throw new InvalidOptionError('Expected progress callback to return a number or undefined', {
    hint: 'Return the number of pages of the next step, 0 to wait, or nothing to keep the current number.',
  });
}

/** The baseline for the result of the first report. */
export const firstPages = steeredPagesPerStep;
