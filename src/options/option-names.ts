/** Rejects option values that are not objects, and unknown option names, with the nearest known name. */
import { closest, distance } from 'fastest-levenshtein';
import { InvalidOptionError } from '../errors/refusals';
import { refuseOption } from './checks';

/** Edit distance above which a name no longer counts as a misspelling. */
const furthestMisspelling = 4;

/** Names from earlier versions of better-sqlite3 or other drivers, with the replacement. */
const renamed: Readonly<Record<string, string>> = {
  memory: 'use the file name `:memory:`',
  journalFd: 'open the database by its path: a database opened from a descriptor does not share its locks',
  busyTimeout: 'write `timeout`',
  synchronous: 'write `durability`; commits are durable by default',
  wal: "write `journalMode: 'wal'`; `'auto'` chooses it wherever the filesystem can carry it",
};

/**
 * Checks that `given` is an object with no names other than `known`. `path` is the name of the option or function that
 * takes it, or `''`; `expected` describes the allowed values.
 */
export function checkOptionNames(
  given: unknown,
  known: readonly string[],
  path: string,
  expected = 'an object',
): asserts given is object {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    refuseOption(path === '' ? 'options' : path, expected, given);
  }
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const shown = path === '' ? name : `${path}.${name}`;
    const advice = path === '' ? renamed[name] : undefined;
    const nearest = closest(name, known);
    const isMisspelling = distance(name.toLowerCase(), nearest.toLowerCase()) <= furthestMisspelling;
    const hint =
      advice ?? (isMisspelling ? `Did you mean \`${nearest}\`?` : `The options here are: ${known.join(', ')}.`);
    throw new InvalidOptionError(`There is no option \`${shown}\`: ${hint}`, {
      hint,
      details: { option: shown, nearest },
    });
  }
}
