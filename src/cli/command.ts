/** The form of every command of `npx safe-sqlite`. */
import type { ParseArgsConfig } from 'node:util';

/** What the program may write to and hear of. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Standard error is a terminal: a bar may be drawn and wiped there. */
  readonly isInteractive: boolean;
  /** Aborts when the user interrupts the program. */
  readonly signal: AbortSignal;
}

export type CommandOptions = NonNullable<ParseArgsConfig['options']>;

/** The values of the options as they were given. */
export type GivenOptions = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export interface Answer {
  /** The operation did what it was asked for, and what it looked at is sound. */
  readonly ok: boolean;
  /** What `--json` prints. */
  readonly json: object;
  /** What a person reads. */
  readonly text: string;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the name, for example `<database> <destination>`. */
  readonly operands: readonly string[];
  readonly options: CommandOptions;
  /** One line for each option. */
  readonly help: readonly string[];
  readonly run: (operands: readonly string[], options: GivenOptions, terminal: Terminal) => Promise<Answer>;
}

/** Something in the command line is wrong; the usage is shown with it. */
export class UsageError extends Error {}

/** One of the values that an option may have. */
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
