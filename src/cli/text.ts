/** Words and lays out text for a terminal of 80 columns. */
import { visible } from '../base/terminal-text';

export const columns = 80;

/**
 * Breaks `text` at spaces, with each active terminal character escaped; each line begins with `indent`. A word that is
 * longer than a line stays whole: it may be a path. No line begins with a dollar sign, as the commands to paste do: a
 * file name can have one after a space.
 */
export function wrap(text: string, indent = ''): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/ +/).map(visible)) {
    const isFirst = line === indent;
    if (!isFirst && !word.startsWith('$') && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = isFirst ? `${indent}${word}` : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

/** Returns `label` at the margin, `text` beside it, wrapped under itself. */
export function labelled(label: string, text: string, width: number): string {
  return `${label.padEnd(width)}${wrap(text, ' '.repeat(width)).slice(width)}`;
}

/** Calls of the library, and the equivalent command. */
const commandsFor: readonly (readonly [call: RegExp, command: string])[] = [
  [/`db\.verify\("full"\)` or (?=`npx)/g, ''],
  [/`restoreDatabase` or (?=`npx)/g, ''],
  [/`verifyDatabase(?:\(\))?`/g, '`npx safe-sqlite verify`'],
  [/`restoreDatabase(?:\(\))?`/g, '`npx safe-sqlite restore`'],
  [/`overwrite: true` \(`--overwrite` on the command line\)/g, '`--overwrite`'],
  [/`overwrite: true`/g, '`--overwrite`'],
  [/, or open (?:it|the database) with `readonly: true`/g, ''],
];

/** Replaces calls in an advice by commands. No decision depends on it. */
export function forTerminal(hint: string): string {
  return commandsFor.reduce((text, [call, command]) => text.replaceAll(call, command), hint);
}
