/** Writes the help: the list of commands, and the usage of one. */
import { closest, distance } from 'fastest-levenshtein';
import type { Command } from './command';
import { labelled, wrap } from './text';

/** Edit distance above which a name no longer counts as a misspelling. */
const furthestMisspelling = 3;
/** Columns of the options, after two spaces. */
const optionWidth = 31;

/** The options that every command has. */
const common: Command['help'] = [
  ['--json', 'print one JSON object instead of text'],
  ['-h, --help', 'print this'],
];

export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 4;
  return [
    'Usage: npx safe-sqlite <command> ...',
    '',
    ...commands.map(({ name, summary }) => labelled(`  ${name}`, summary, width)),
    '',
    'Something is wrong, and you do not know what? This only reads:',
    '',
    '  npx safe-sqlite doctor app.db',
    '',
    'npx safe-sqlite <command> --help explains a command, with examples;',
    'npx safe-sqlite --version prints the versions to include in a bug report.',
    'Exit codes: 0 done, 1 failed or damaged, 2 wrong usage, 3 needs attention.',
    '',
  ].join('\n');
}

export function usage({ name, about, operands, help, examples, exits }: Command): string {
  return [
    `Usage: npx safe-sqlite ${[name, ...operands].join(' ')} [options]`,
    '',
    ...about.flatMap(paragraph => [wrap(paragraph), '']),
    ...[...help, ...common].map(([option, effect]) => labelled(`  ${option}`, effect, optionWidth)),
    '',
    'Examples:',
    ...examples.map(example => `  npx safe-sqlite ${example}`),
    '',
    'Exit codes:',
    ...[...exits, [2, 'the command line is wrong'] as const]
      .toSorted(([left], [right]) => left - right)
      .map(([code, meaning]) => labelled(`  ${code}`, meaning, 5)),
    '',
  ].join('\n');
}

/** Returns the name that was probably meant; `null` if none is near. */
export function nearest(name: string, names: readonly string[]): string | null {
  const near = closest(name, names);
  // Half of a short word is another word: `--quik` is not `--full`.
  return distance(name, near) <= Math.min(furthestMisspelling, Math.ceil(name.length / 3)) ? near : null;
}
