/**
 * Paired measurement: both sides of a case run in turns in one process, so that a noisy clock hits both alike.
 *
 * Many short rounds, because what else runs on the machine disturbs a whole round: of short ones, more stay whole. What
 * disturbs only ever adds time, and adds it to either side by chance, so beside the median of the ratios stands the ratio
 * of the lower quartiles: of the rounds that were disturbed least.
 */

export interface Case {
  readonly name: string;
  /** Calls in one round. */
  readonly calls: number;
  readonly raw: (call: number) => unknown;
  readonly ours: (call: number) => unknown;
}

export interface Row {
  readonly name: string;
  /** Median over the rounds, in nanoseconds a call. */
  readonly rawNs: number;
  readonly oursNs: number;
  /** Median of safe-sqlite / raw of each round. */
  readonly ratio: number;
  /** Lower quartile of safe-sqlite / lower quartile of raw. */
  readonly quietRatio: number;
}

/** Rounds that only warm up the compiler. */
const warmUps = 20;

export function measure({ name, calls, raw, ours }: Case, rounds: number): Row {
  const times = { raw: [] as number[], ours: [] as number[], ratio: [] as number[] };
  for (let round = -warmUps; round < rounds; round += 1) {
    // The one that goes first changes, so that neither always runs on a warmer cache.
    const oursFirst = round % 2 === 0;
    const first = time(oursFirst ? ours : raw, calls);
    const second = time(oursFirst ? raw : ours, calls);
    if (round < 0) continue;
    const [rawNs, oursNs] = oursFirst ? [second, first] : [first, second];
    times.raw.push(rawNs);
    times.ours.push(oursNs);
    times.ratio.push(oursNs / rawNs);
  }
  return {
    name,
    rawNs: median(times.raw),
    oursNs: median(times.ours),
    ratio: median(times.ratio),
    quietRatio: quantile(times.ours, 1 / 4) / quantile(times.raw, 1 / 4),
  };
}

function time(call: (index: number) => unknown, calls: number): number {
  const start = process.hrtime.bigint();
  for (let index = 0; index < calls; index += 1) call(index);
  return Number(process.hrtime.bigint() - start) / calls;
}

export function median(values: readonly number[]): number {
  return quantile(values, 1 / 2);
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

export function print(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  console.log(
    `${'case'.padEnd(34)}${'raw'.padStart(12)}${'ours'.padStart(12)}${'ours/raw'.padStart(10)}${'quartiles'.padStart(11)}`,
  );
  for (const { name, rawNs, oursNs, ratio, quietRatio } of rows) {
    const ratios = `${ratio.toFixed(3).padStart(10)}${quietRatio.toFixed(3).padStart(11)}`;
    console.log(`${name.padEnd(34)}${duration(rawNs)}${duration(oursNs)}${ratios}`);
  }
}

function duration(ns: number): string {
  return (ns < 10_000 ? `${ns.toFixed(0)} ns` : `${(ns / 1000).toFixed(1)} µs`).padStart(12);
}
