/** Gives the shape of an SQL text: every literal replaced by `?`, so that a log or an error holds no values. */
import { readableText, tokenAt } from './tokenizer';

/** Characters of a shape that are kept: enough to find the statement, little enough for a log line. */
const longestShape = 300;
const literals: ReadonlySet<string> = new Set(['string', 'number', 'blob', 'illegal']);

/** `sql` without its values and comments, on one line, cut after 300 characters. */
export function shapeOf(sql: string): string {
  const text = readableText(sql);
  let shape = '';
  for (let at = 0; at < text.length;) {
    const { kind, start, end } = tokenAt(text, at);
    at = end;
    if (kind === 'space' || kind === 'comment') {
      if (!shape.endsWith(' ')) shape += ' ';
    } else shape += literals.has(kind) ? '?' : text.slice(start, end);
    if (shape.length > longestShape) return `${shape.slice(0, longestShape)}…`;
  }
  return shape.trim();
}
