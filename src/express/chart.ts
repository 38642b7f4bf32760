/** Draws one series of the last hour as SVG: a line over an area, with its largest and its last value. Pure. */
import { formatAge } from '../base/figures';
import { html, type Html } from './html';
import type { Point } from './status-history';

export interface Chart {
  readonly title: string;
  readonly points: readonly Point[];
  readonly format: (value: number) => string;
  /** Drawn as a horizontal line; a value above it is a warning. */
  readonly limit?: number | null;
  /** Shown instead of a chart without points. */
  readonly empty: string;
}

const width = 320;
const height = 96;

/** `spanMs`: the time that the whole width represents, up to `now`. */
export function drawChart(chart: Chart, now: number, spanMs: number): Html {
  const { title, points, format, limit = null, empty } = chart;
  const known = points.filter((point): point is { at: number; value: number } => point.value !== null);
  const last = known.at(-1);
  if (last === undefined) {
    return html`<figure class="chart">
      <figcaption>${title}</figcaption>
      <p class="empty">${empty}</p>
    </figure>`;
  }
  const largest = Math.max(...known.map(({ value }) => value));
  const top = Math.max(largest, limit ?? 0) || 1;
  const x = (at: number): number => round(width - (Math.max(0, now - at) / spanMs) * width);
  const y = (value: number): number => round(height - (value / top) * (height - 6) - 1);
  const summary = `${title}: now ${format(last.value)}, at most ${format(largest)} in the last ${formatAge(spanMs)}.`;
  return html`<figure class="chart">
    <figcaption>${title} <output>${format(last.value)}</output></figcaption>
    <svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${summary}">
      <title>${summary}</title>
      ${
        limit === null
          ? null
          : html`<line class="limit" x1="0" x2="${width}" y1="${y(limit)}" y2="${y(limit)}"
              ><title>limit ${format(limit)}</title></line
            >`
      }
      ${runsOf(points).map(run => drawRun(run, x, y))}
    </svg>
    <p class="axis"><span>${formatAge(spanMs)} ago</span><span>most: ${format(largest)}</span><span>now</span></p>
  </figure>`;
}

interface Known {
  readonly at: number;
  readonly value: number;
}

/** A gap is drawn as a gap: nothing is known of that time. */
function runsOf(points: readonly Point[]): readonly (readonly Known[])[] {
  const runs: Known[][] = [[]];
  for (const { at, value } of points) {
    if (value === null) runs.push([]);
    else runs.at(-1)?.push({ at, value });
  }
  return runs.filter(run => run.length > 0);
}

function drawRun(run: readonly Known[], x: (at: number) => number, y: (value: number) => number): Html {
  const [first, last] = [run[0], run.at(-1)];
  const line = run.map(({ at, value }) => `${x(at)},${y(value)}`).join(' ');
  if (first === undefined || last === undefined || run.length === 1) {
    // A line without length, whose round end is a dot even in a stretched picture.
    return html`<polyline class="line" points="${line} ${line}"></polyline>`;
  }
  return html`<polygon class="area" points="${x(first.at)},${height} ${line} ${x(last.at)},${height}"></polygon>
    <polyline class="line" points="${line}"></polyline>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
