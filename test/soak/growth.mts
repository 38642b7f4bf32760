/** Judges whether what a process holds grows; pure. */

/** What one process held at one moment, right after a garbage collection. */
export interface Sample {
  /** Milliseconds since the start of the soak. */
  readonly at: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

/** How much one measure may rise over the life of a process, after its warm-up. */
interface Limit {
  readonly of: (sample: Sample) => number;
  readonly name: string;
  readonly rise: number;
}

const mebibyte = 1 << 20;

/**
 * A leak rises without end, so the same limits hold for a minute and for a day: the longer the run, the smaller the
 * leak that they find. Memory of the process is judged more loosely: the allocator gives it back when it likes.
 */
const limits: readonly Limit[] = [
  { name: 'heap', of: ({ heapBytes }) => heapBytes, rise: 4 * mebibyte },
  { name: 'resident memory', of: ({ rssBytes }) => rssBytes, rise: 64 * mebibyte },
  { name: 'descriptors', of: ({ descriptors }) => descriptors, rise: 2 },
];

/** The first third of a life: code is compiled, caches and pools fill. */
const warmUp = 1 / 3;
/** Fewer samples after the warm-up say nothing. */
const fewest = 6;

export interface Growth {
  readonly measure: string;
  /** By how much it rose after the warm-up: the median slope times the time. */
  readonly rise: number;
  readonly limit: number;
}

/** One row for each measure; empty when the life was too short. */
export function growthOf(samples: readonly Sample[]): readonly Growth[] {
  const settled = samples.slice(Math.ceil(samples.length * warmUp));
  if (settled.length < fewest) return [];
  const span = settled.at(-1)!.at - settled[0]!.at;
  return limits.map(({ name, of, rise }) => ({
    measure: name,
    rise: Math.round(medianSlope(settled.map(sample => [sample.at, of(sample)])) * span),
    limit: rise,
  }));
}

/** Theil–Sen: the median of the slopes between all pairs, which single peaks do not move. */
function medianSlope(points: readonly (readonly [at: number, value: number])[]): number {
  const slopes = points.flatMap(([at, value], index) =>
    points.slice(index + 1).flatMap(([later, other]) => (later > at ? [(other - value) / (later - at)] : [])),
  );
  slopes.sort((one, other) => one - other);
  return slopes[slopes.length >> 1] ?? 0;
}
