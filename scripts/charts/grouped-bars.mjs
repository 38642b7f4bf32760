// A chart of panels side by side; in each one, groups of bars over a linear scale, every bar with its number.
import { bar, legend, line, svg, text } from './theme.mjs';

const width = 860;
const height = 340;
const margin = { left: 54, right: 16, top: 74, bottom: 46 };
const panelGap = 46;
const gridLines = 5;

/**
 * @param {{ title: string, label: string, subjects: string[], axis: string, format: (value: number) => string,
 *   panels: { title: string, groups: { name: string, values: (number | null)[] }[] }[] }} chart
 */
export function groupedBars({ title, label, subjects, axis, format, panels }) {
  const panelWidth = (width - margin.left - margin.right - panelGap * (panels.length - 1)) / panels.length;
  const plotHeight = height - margin.top - margin.bottom;
  const body = [text(16, 26, title, { kind: 'title' }), ...legend(16, 48, subjects)];
  for (const [index, panel] of panels.entries()) {
    const left = margin.left + index * (panelWidth + panelGap);
    const top = ceiling(Math.max(...panel.groups.flatMap(group => group.values.map(value => value ?? 0))));
    const y = value => margin.top + plotHeight * (1 - value / top);
    body.push(text(left, margin.top - 8, panel.title, { kind: 'quiet' }));
    for (let step = 0; step <= gridLines; step += 1) {
      const value = (top * step) / gridLines;
      body.push(line(left, y(value), left + panelWidth, y(value)));
      body.push(
        text(left - 6, y(value) + 4, value === 0 ? '0' : format(value), { kind: 'small quiet', anchor: 'end' }),
      );
    }
    const groupWidth = panelWidth / panel.groups.length;
    for (const [at, group] of panel.groups.entries()) {
      const barWidth = (groupWidth - 14) / subjects.length;
      for (const [subject, value] of group.values.entries()) {
        if (value === null) continue;
        const x = left + at * groupWidth + 7 + subject * barWidth;
        const tip = `${subjects[subject]}, ${group.name} ${axis}: ${format(value)}`;
        body.push(bar(x + 1, y(value), barWidth - 2, y(0) - y(value), subject, tip));
        body.push(text(x + barWidth / 2, y(value) - 4, format(value), { kind: 'small', anchor: 'middle' }));
      }
      const middle = left + (at + 0.5) * groupWidth;
      body.push(text(middle, height - margin.bottom + 16, group.name, { anchor: 'middle' }));
    }
    const center = left + panelWidth / 2;
    body.push(text(center, height - margin.bottom + 34, axis, { kind: 'small quiet', anchor: 'middle' }));
  }
  return svg(width, height, label, body);
}

/** The next of 1, 2, 2.5, 5 times a power of ten, so that five lines of the grid have round numbers. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, Number.MIN_VALUE)));
  return power * ([1, 2, 2.5, 5, 10].find(step => step * power >= value) ?? 10);
}
