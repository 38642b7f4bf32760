/** Keeps the results of `db.health()` over the last hour, for the charts of the status page. */
import { clearInterval, setInterval, wallClockNow } from '../base/clock';
import type { Histogram } from '../base/histogram';
import type { DatabaseHealth } from '../health/health';

/** One sample of the charted values. Counters are those of `health()`: since the database was opened. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly commits: Histogram;
  readonly committed: number;
  readonly rejected: number;
  readonly queued: number;
  readonly walBytes: number | null;
  readonly walLimitBytes: number | null;
  readonly checkpoints: Readonly<Record<'complete' | 'blocked' | 'busy' | 'failed', number>> | null;
  /** How long a reader has blocked the checkpoints, in milliseconds. */
  readonly blockedMs: number;
  /** Readers of `db.reader` with a query. */
  readonly readersBusy: number;
  readonly backupAgeMs: number | null;
}

const hourMs = 3_600_000;
/** 360 points an hour: more than a chart has columns. */
export const defaultSampleMs = 10_000;

export function sampleOf(health: DatabaseHealth): Sample {
  const { commitMs, writes, checkpoints, readers, backups } = health;
  return {
    at: wallClockNow(),
    commits: commitMs,
    committed: writes.committed,
    rejected: writes.rejected + writes.refused,
    queued: writes.queued,
    walBytes: checkpoints?.walBytes ?? null,
    walLimitBytes: checkpoints?.walLimitBytes ?? null,
    checkpoints: checkpoints?.counts ?? null,
    blockedMs: checkpoints?.blocked?.forMs ?? 0,
    readersBusy: readers.busy,
    backupAgeMs: backups?.lastBackup?.ageMs ?? null,
  };
}

export class StatusHistory {
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  /** `read` throws once the database is closed; sampling ends then. */
  constructor(read: () => DatabaseHealth, sampleMs: number) {
    const take = (): void => {
      try {
        this.add(sampleOf(read()));
      } catch {
        clearInterval(this.#timer);
      }
    };
    this.#timer = setInterval(take, sampleMs);
    // An unused page keeps no process alive.
    this.#timer.unref();
    take();
  }

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  add(sample: Sample): void {
    const first = this.#samples.findIndex(({ at }) => at >= sample.at - hourMs);
    this.#samples.splice(0, first === -1 ? this.#samples.length : first);
    this.#samples.push(sample);
  }
}

/** One value at one time; `null` if unknown. */
export interface Point {
  readonly at: number;
  readonly value: number | null;
}

export function seriesOf(samples: readonly Sample[], value: (sample: Sample) => number | null): readonly Point[] {
  return samples.map(sample => ({ at: sample.at, value: value(sample) }));
}

/** Returns the increase of a counter between two samples, per second. A counter that fell belongs to another open. */
export function rateOf(samples: readonly Sample[], counter: (sample: Sample) => number | null): readonly Point[] {
  return between(samples, (sample, before) => {
    const [now, then] = [counter(sample), counter(before)];
    return now === null || then === null || now < then
      ? null
      : ((now - then) * 1000) / Math.max(1, sample.at - before.at);
  });
}

/** Returns the increase of a counter between two samples. */
export function riseOf(samples: readonly Sample[], counter: (sample: Sample) => number | null): readonly Point[] {
  return between(samples, (sample, before) => {
    const [now, then] = [counter(sample), counter(before)];
    return now === null || then === null || now < then ? null : now - then;
  });
}

/** Returns the bound of the bucket below which `share` of the commits between two samples lie, in milliseconds. */
export function quantileOf(samples: readonly Sample[], share: number): readonly Point[] {
  return between(samples, ({ commits }, { commits: before }) => {
    const number = commits.count - before.count;
    if (number <= 0) return null;
    const found = commits.buckets.find(
      ({ count }, index) => count - (before.buckets[index]?.count ?? 0) >= number * share,
    );
    // Above the last bound only the mean is known.
    return found?.upTo ?? (commits.sum - before.sum) / number;
  });
}

function between(
  samples: readonly Sample[],
  value: (sample: Sample, before: Sample) => number | null,
): readonly Point[] {
  return samples.slice(1).map((sample, index) => {
    const before = samples[index];
    return { at: sample.at, value: before === undefined ? null : value(sample, before) };
  });
}
