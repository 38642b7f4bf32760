// The numbers behind the charts: rates, rises and quantiles between two samples, and the hour that is kept.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  quantileOf,
  rateOf,
  riseOf,
  StatusHistory,
  type Point,
  type Sample,
} from '../../dist/express/status-history.js';
import { drawChart } from '../../dist/express/chart.js';

const none = { buckets: [], sum: 0, count: 0 };

function sample(at: number, change: Partial<Sample> = {}): Sample {
  return {
    at,
    commits: none,
    committed: 0,
    rejected: 0,
    queued: 0,
    walBytes: null,
    walLimitBytes: null,
    checkpoints: null,
    readersBusy: 0,
    blockedMs: 0,
    backupAgeMs: null,
    ...change,
  };
}

const values = (points: readonly Point[]): readonly (number | null)[] => points.map(({ value }) => value);
const committed = (...counts: number[]): Sample[] =>
  counts.map((each, index) => sample(index * 2000, { committed: each }));

describe('between two samples', () => {
  test('a rate is a rise for each second; a counter that fell is a gap', () => {
    assert.deepEqual(values(rateOf(committed(0, 10, 10, 3), each => each.committed)), [5, 0, null]);
    assert.deepEqual(values(riseOf(committed(0, 10, 10, 3), each => each.committed)), [10, 0, null]);
    assert.deepEqual(values(riseOf(committed(4), each => each.committed)), []);
  });

  test('a quantile is the bound of its bucket, of the commits of that time alone', () => {
    const histogram = (below1: number, below10: number, all: number, sum: number): Partial<Sample> => ({
      commits: { buckets: [{ upTo: 1, count: below1 }, { upTo: 10, count: below10 }], sum, count: all }, // prettier-ignore
    });
    const samples = [
      sample(0, histogram(100, 100, 100, 50)),
      sample(1000, histogram(110, 110, 110, 55)),
      sample(2000, histogram(110, 130, 130, 155)),
      sample(3000, histogram(110, 130, 130, 155)),
      sample(4000, histogram(110, 130, 132, 555)),
    ];
    assert.deepEqual(values(quantileOf(samples, 0.95)), [1, 10, null, 200]);
  });
});

test('the history keeps an hour, and ends with the database', () => {
  const history = new StatusHistory(() => {
    throw new Error('closed');
  }, 1_000_000);
  for (const minute of [0, 30, 59, 60, 61]) history.add(sample(minute * 60_000));
  assert.deepEqual(
    history.samples.map(({ at }) => at / 60_000),
    [30, 59, 60, 61],
  );
});

describe('a chart', () => {
  const chart = { title: 'WAL', format: String, empty: 'no WAL' };
  const point = (at: number, value: number | null): Point => ({ at, value });

  test('names its last and its largest value for those who do not see it', () => {
    const svg = String(
      drawChart({ ...chart, points: [point(0, 5), point(10, 90), point(20, 40)], limit: 100 }, 20, 3_600_000),
    );
    assert.match(svg, /role="img"\s+aria-label="WAL: now 40, at most 90 in the last 1 hour\."/);
    assert.equal(svg.match(/<polyline/g)?.length, 1);
    assert.match(svg, /<line\s+class="limit"/);
  });

  test('a gap is a gap, a single point a dot, and nothing is said in words', () => {
    const gap = String(
      drawChart({ ...chart, points: [point(0, 1), point(1, 2), point(2, null), point(3, 4)] }, 3, 60_000),
    );
    assert.equal(gap.match(/<polyline/g)?.length, 2);
    assert.match(String(drawChart({ ...chart, points: [point(0, null)] }, 1, 60_000)), /<p class="empty">no WAL<\/p>/);
    assert.doesNotMatch(gap, /NaN|Infinity/);
  });
});
