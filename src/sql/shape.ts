/** Computes the shape of an SQL text, with every literal replaced by `?`: logs and errors must hold no values. */
import { readableText, tokenAt } from './tokenizer';

/** Maximum length of a shape, in characters: enough to find the statement, short enough for a log line. */
const longestShape = 300;
const literals: ReadonlySet<string> = new Set(['string', 'number', 'blob', 'illegal']);

/** Returns `sql` without its values and comments, on one line, cut after 300 characters. */
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
