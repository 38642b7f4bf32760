/** How fast the worker copies: one decision after each step of an online backup. */
import { performance } from '../base/clock';
import { InvalidOptionError } from '../errors/refusals';
import { isAbortRequested, pause, waitForAnswer, type SharedState } from './shared-state';
import type { Steer } from './jobs/online-backup';
import type { JobProgress, OnlineBackupJob } from './messages';

/** Pages a step when nobody steers: 4 MiB of the usual page size, so that steps cost nothing beside the copying. */
const freePagesPerStep = 1024;
/** Pages a step that better-sqlite3 begins with; a progress listener changes it. */
const steeredPagesPerStep = 100;
/** Longest sleep of the worker in one turn, in milliseconds: other jobs of the thread wait no longer than that. */
const napMs = 10;

/** Thrown inside the worker to end a copy between two steps. */
export class AbortedJob extends Error {}

/**
 * Steers one copy: reports each step, keeps to the rate, and stops when the host asks for it.
 *
 * A step of no pages gives the thread back for a turn, so a copy that waits does not hold up the jobs beside it.
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

/** Pages that may be copied now, when `copied` are done `elapsedMs` after the start. */
export function allowedPages(pagesPerSecond: number | null, copied: number, elapsedMs: number): number {
  if (pagesPerSecond === null) return Number.MAX_SAFE_INTEGER;
  return Math.max(0, Math.floor((pagesPerSecond * (elapsedMs + napMs)) / 1000) - copied);
}

/** Reads the answer of a progress listener as better-sqlite3 does: a number of pages, or nothing for "as before". */
export function pagesFrom(returned: unknown, before: number): number {
  if (returned === undefined) return before;
  if (typeof returned === 'number' && !Number.isNaN(returned)) {
    // The range of the native call. https://sqlite.org/c3ref/backup_finish.html
    return Math.max(0, Math.min(0x7fffffff, Math.round(returned)));
  }
  throw new InvalidOptionError('Expected progress callback to return a number or undefined', {
    hint: 'Return the number of pages of the next step, 0 to wait, or nothing to go on as before.',
  });
}

/** What the answer to the first report is measured against. */
export const firstPages = steeredPagesPerStep;
