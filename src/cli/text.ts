/** Lays text out for a terminal of 80 columns. */

export const columns = 80;

/** Breaks `text` at spaces; each line begins with `indent`. A word that is longer than a line stays whole: it may be a path. */
export function wrap(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    const isFirst = line === indent;
    if (!isFirst && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = isFirst ? `${indent}${word}` : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

/** `label` at the margin, `text` beside it, wrapped under itself. */
export function labelled(label: string, text: string, width: number): string {
  return `${label.padEnd(width)}${wrap(text, ' '.repeat(width)).slice(width)}`;
}
