/** Defines the form of every command of `npx safe-sqlite`. */
import type { ParseArgsConfig } from 'node:util';
import type { Verdict } from './verdict';

/** The program's output and signals. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Standard error is a terminal, on which a bar may be drawn and erased. */
  readonly isInteractive: boolean;
  /** Standard output is a terminal with colours that the user has not switched off. */
  readonly hasColours: boolean;
  /** Aborts when the user interrupts the program. */
  readonly signal: AbortSignal;
}

export type CommandOptions = NonNullable<ParseArgsConfig['options']>;

/** The values of the options as given. */
export type GivenOptions = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/**
 * The same for every command. 0: done, no problem. 1: failed, refused, or damaged. 2: the command line is wrong. 3:
 * done, but needs attention.
 */
export type ExitCode = 0 | 1 | 2 | 3;

export interface Answer {
  readonly exit: 0 | 1 | 3;
  /** The output of `--json`, after `ok`. */
  readonly json: object;
  /** The output for people. */
  readonly text: string;
}

export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** The operands after the name, for example `<database> <destination>`. */
  readonly operands: readonly string[];
  readonly options: CommandOptions;
  /** What it does and what it leaves alone: a paragraph or two. */
  readonly about: readonly string[];
  /** One line for each option: the option, and what it does. */
  readonly help: readonly (readonly [option: string, effect: string])[];
  /** Command lines that work, without the name of the program. */
  readonly examples: readonly string[];
  /** Meaning of each exit code but 2. */
  readonly exits: readonly (readonly [code: 0 | 1 | 3, meaning: string])[];
  /** The database to examine if the command fails; none for a command without a file. */
  readonly subject?: (operands: readonly string[], error: unknown) => string | undefined;
  /** Restates the verdict on the subject if the subject is not the database of the user, but for example a backup. */
  readonly restate?: (verdict: Verdict, operands: readonly string[], error: unknown) => Verdict;
  readonly run: (operands: readonly string[], options: GivenOptions, terminal: Terminal) => Promise<Answer>;
}

/** The command line is wrong; the message says how to see the usage. */
export class UsageError extends Error {}

/** The help of `--reserve-bytes`. */
export const reserveHelp = [
  '--reserve-bytes <n>',
  'what stays free on the disk (default 5 %, at most 1 GiB); without that room it fails',
] as const;

/** `--reserve-bytes`; `undefined` when it is not given. */
export function reserveBytes(options: GivenOptions): number | undefined {
  const given = options['reserve-bytes'];
  if (given === undefined) return undefined;
  const bytes = given === '' ? NaN : Number(given);
  if (!Number.isSafeInteger(bytes) || bytes < 0) {
    throw new UsageError(`--reserve-bytes is a number of bytes, not ${String(given)}.`);
  }
  return bytes;
}

/** Returns one of the values that an option may have. */
export function choice<Value extends string>(
  options: GivenOptions,
  name: string,
  values: readonly Value[],
  fallback: Value,
): Value {
  const given = options[name];
  if (given === undefined) return fallback;
  const value = values.find(each => each === given);
  if (value === undefined) throw new UsageError(`--${name} is one of ${values.join(', ')}, not ${String(given)}.`);
  return value;
}
