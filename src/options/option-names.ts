/** Refuses what holds no options, and option names that do not exist, with the nearest one that does. */
import { closest, distance } from 'fastest-levenshtein';
import { InvalidOptionError } from '../errors/refusals';
import { refuseOption } from './checks';

/** A misspelling that differs in more letters than this is no misspelling. */
const furthestMisspelling = 4;

/** Names that people bring from better-sqlite3's past or from other drivers, with what to write instead. */
const renamed: Readonly<Record<string, string>> = {
  memory: 'use the file name `:memory:`',
  journalFd: 'open the database by its path: a database opened from a descriptor does not share its locks',
  busyTimeout: 'write `timeout`',
  synchronous: 'write `durability`; commits are durable by default',
  wal: "write `journalMode: 'wal'`; `'auto'` chooses it wherever the filesystem can carry it",
};

/**
 * Checks that `given` is an object with no other names than `known`; `path` is the name of the option or function that
 * takes it, or `''`, and `expected` what may stand there.
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
