/** Runs a job in the calling thread: for `thread: 'main'`, and where no worker is available. */
import { createSharedState } from './shared-state';
import { executeNow, executeOnline, type SynchronousJob } from './run-job';
import type { Job, JobProgress, ResultOf } from './messages';
import { firstPages, pagesFrom, copyRateFor } from './copy-rate';

interface HereOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: JobProgress) => unknown) | undefined;
}

/** Runs a job that needs no turn of the event loop, synchronously. Throws the job's error, untranslated. */
export function runJobSync<SomeJob extends SynchronousJob>(job: SomeJob): ResultOf<SomeJob> {
  return executeNow(job, () => {}, null) as ResultOf<SomeJob>;
}

/** Runs any job in the calling thread, blocking the event loop while SQLite works. */
export async function runJobInline<SomeJob extends Job>(
  job: SomeJob,
  options: HereOptions = {},
): Promise<ResultOf<SomeJob>> {
  options.signal?.throwIfAborted();
  const report = (progress: JobProgress): unknown => options.onProgress?.(progress);
  if (job.kind !== 'online-backup') return executeNow(job, report, null) as ResultOf<SomeJob>;
  let pages = job.steered ? firstPages : Number.MAX_SAFE_INTEGER;
  const limit = copyRateFor({ pagesPerSecond: job.pagesPerSecond, steered: false }, createSharedState(), () => {});
  const copied = await executeOnline(
    job,
    report,
    progress => {
      options.signal?.throwIfAborted();
      pages = pagesFrom(report({ step: 'copied', ...progress }), pages);
      return Math.min(pages, limit(progress));
    },
    null,
  );
  return copied as ResultOf<SomeJob>;
}
