// A chart of horizontal bars, one below the other, each with its name and number.
import { bar, svg, text } from './theme.mjs';

const width = 860;
const rowHeight = 34;
const left = 190;
const right = 110;

/** @param {{ title: string, label: string, rows: { name: string, value: number, shown: string, subject: number }[] }} chart */
export function rowBars({ title, label, rows }) {
  const longest = Math.max(...rows.map(({ value }) => value));
  const body = [text(16, 26, title, { kind: 'title' })];
  for (const [index, { name, value, shown, subject }] of rows.entries()) {
    const y = 46 + index * rowHeight;
    const length = ((width - left - right) * value) / longest;
    body.push(text(left - 10, y + 15, name, { anchor: 'end' }));
    body.push(bar(left, y, length, 22, subject, `${name}: ${shown}`));
    body.push(text(left + length + 8, y + 15, shown));
  }
  return svg(width, 60 + rows.length * rowHeight, label, body);
}
