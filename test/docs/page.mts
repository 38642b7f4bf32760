/** The code blocks of a page of docs/, and a folder to run them in as a reader would. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../../scripts/pack.mjs';

export interface Block {
  readonly language: string;
  readonly text: string;
}

/** The blocks of docs/`name` in their order. */
export function blocksOf(name: string): readonly Block[] {
  return blocksIn(readFileSync(join(root, 'docs', name), 'utf8'));
}

/** The blocks of a page, without the indentation that a list gives them. */
export function blocksIn(page: string): readonly Block[] {
  return [...page.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)].map(([, indent = '', language = '', text = '']) => ({
    language,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** A folder in which this package and `others` of this project are installed, with the files of a program. */
export function programFolder(
  t: { after(fn: () => void): void },
  files: Record<string, string>,
  others: readonly string[] = [],
): string {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['safe-sqlite', 'better-sqlite3', ...others]) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(name === 'safe-sqlite' ? root : join(root, 'node_modules', name), link, 'junction');
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}
