/** The validators: each takes what was given and returns it typed, or throws `InvalidOptionError`. */
import { isUrlWithCredentials, withoutCredentials } from '../base/credentials';
import { InvalidOptionError } from '../errors/refusals';

/** Largest value of a 32-bit timer or busy timeout, in milliseconds. */
const maxMilliseconds = 0x7fffffff;

/** Throws the standard error for an option: option, expectation, value, type. */
export function refuseOption(option: string, expectation: string, value: unknown, hint?: string): never {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  throw new InvalidOptionError(
    `Expected the \`${option}\` option to be ${expectation}, got ${shown(value)} (${type}).`,
    {
      ...(hint === undefined ? {} : { hint }),
      details: { option, expectation, type },
    },
  );
}

/** Checks the first argument of a function that takes the path of a database. */
export function pathArgument(path: unknown): string {
  if (typeof path !== 'string' || path.trim() === '') refuseOption('path', 'the path of a database', path);
  refuseCredentials('path', path);
  return path;
}

/** Refuses a URL with credentials where a path is expected: as a path it would be in errors, logs and names of files. */
export function refuseCredentials(option: string, path: string): void {
  if (!isUrlWithCredentials(path)) return;
  refuseOption(option, 'the path of a file or folder', path, 'It is a URL. Name a path of this machine.');
}

export function booleanOption(option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') refuseOption(option, 'a boolean', value);
  return value;
}

export function integerOption(
  option: string,
  value: unknown,
  fallback: number,
  minimum: number,
  maximum: number,
): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum) {
    refuseOption(option, `an integer between ${minimum} and ${maximum}`, value);
  }
  return value;
}

export function millisecondsOption(option: string, value: unknown, fallback: number, minimum: number): number {
  return integerOption(option, value, fallback, minimum, maxMilliseconds);
}

export function choiceOption<Choice extends string>(
  option: string,
  value: unknown,
  fallback: Choice,
  choices: readonly Choice[],
): Choice {
  if (value === undefined) return fallback;
  const choice = choices.find(candidate => candidate === value);
  if (choice === undefined) refuseOption(option, choices.map(each => `\`'${each}'\``).join(' or '), value);
  return choice;
}

export function pathOption(option: string, value: unknown, expectation = 'the path of a folder'): string | null {
  if (value === undefined) return null;
  if (typeof value !== 'string' || value.trim() === '' || value.includes('\0'))
    refuseOption(option, expectation, value);
  refuseCredentials(option, value);
  return value;
}

/** Shows only what helps to find the mistake: the value may be secret or long. */
function shown(value: unknown): string {
  if (typeof value === 'string') {
    const text = withoutCredentials(value);
    return `\`${text.length > 40 ? `${text.slice(0, 40)}…` : text}\``;
  }
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return `\`${value}\``;
  return value === null || value === undefined ? `\`${value}\`` : 'a value';
}
