/** Finds the section of a page of docs/ about a code, in the installed package. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Returns the section whose heading contains `text`, in any case; with `null` the whole page. `null` if there is none.
 */
export function sectionOf(page: string, text: string | null): string | null {
  const lines = readPage(page);
  if (lines === null) return null;
  if (text === null) return lines.join('\n').trim();
  const wanted = text.toLowerCase();
  const first = lines.findIndex(line => line.startsWith('#') && line.toLowerCase().includes(wanted));
  const level = depthOf(lines[first] ?? '');
  if (level === 0) return null;
  const after = lines.findIndex((line, index) => index > first && depthOf(line) > 0 && depthOf(line) <= level);
  return lines
    .slice(first, after === -1 ? undefined : after)
    .join('\n')
    .trim();
}

/**
 * Returns the section whose heading is part of `message`, which may be pasted with its class, its values and its stack;
 * the longest heading wins. `null` if no heading is part of it.
 */
export function sectionOfMessage(page: string, message: string): string | null {
  const pasted = message.toLowerCase().replaceAll(/\s+/g, ' ');
  const headings = (readPage(page) ?? []).filter(line => depthOf(line) === 3).map(line => line.slice(4));
  const [longest] = headings
    .filter(heading => pasted.includes(heading.toLowerCase()))
    .toSorted((one, other) => other.length - one.length);
  return longest === undefined ? null : sectionOf(page, longest);
}

/** Returns the cells of the first row of a table that has `code` in backticks in its first cell. */
export function tableRowOf(page: string, code: string): readonly string[] | null {
  const row = readPage(page)?.find(line => line.startsWith('|') && (line.split('|')[1] ?? '').includes(`\`${code}\``));
  return (
    row
      ?.split('|')
      .slice(1, -1)
      .map(cell => cell.trim()) ?? null
  );
}

function depthOf(line: string): number {
  return /^(#+) /.exec(line)?.[1]?.length ?? 0;
}

function readPage(page: string): readonly string[] | null {
  try {
    return readFileSync(join(__dirname, '../../docs', page), 'utf8').split('\n');
  } catch {
    // A package without its docs explains from its tables alone.
    return null;
  }
}
