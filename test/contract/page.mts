/** The pages of the documentation, as the contract tests read them. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/pack.mjs';

/** Every page for people, by its path from the root of the project. */
export const pages: readonly string[] = globSync('**/*.md', {
  cwd: root,
  exclude: name => name === 'node_modules' || name === 'dist',
})
  .map(path => path.replaceAll('\\', '/'))
  .toSorted();

export function readPage(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** The page without its code blocks. */
export function prose(text: string): string {
  return text.replaceAll(/^( *)```.*?^\1```$/gms, '');
}

/** The rows of the table behind the heading, each an array of its cells; the head and its line are left out. */
export function tableBehind(text: string, heading: string): string[][] {
  const behind = text.slice(text.indexOf(`\n${heading}\n`));
  const table = /(?:^\|.*\|\n)+/m.exec(behind)?.[0] ?? '';
  const rows = table.trimEnd().split('\n').slice(2);
  return rows.map(row =>
    row
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map(cell => cell.trim()),
  );
}

/** The texts between backticks in a cell. */
export function names(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}
