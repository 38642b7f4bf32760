/** Builds the errors of calls that the process guard refuses. */
import { SqliteCopyConflictError } from '../errors/refusals';
import type { Effect } from './covered-calls';

const harm: Readonly<Record<Effect, string>> = {
  open: 'would open it, and its close cancels the locks of SQLite',
  copy: 'would make a torn copy of it, and cancel the locks of SQLite',
  overwrite: 'would write over it',
};

/** In the message as well: many a log has nothing of an error but its stack. */
const advice: Readonly<Record<Effect, string>> = {
  open: 'Use `db.backup(destination)` and read, stream or send the copy.',
  copy: 'Use `db.backup(destination)`.',
  overwrite: 'Close the database and use `restoreDatabase({ from, to })`.',
};

const oneCopy =
  'Open the file through this library everywhere in the process, or use `node:sqlite` in another process.';

/** The error of one call; `call` as the application writes it, for example `fs.readFileSync`. */
export function refusal(call: string, file: string, effect: Effect): SqliteCopyConflictError {
  return new SqliteCopyConflictError(
    `This process has the database file ${file} open, and \`${call}\` ${harm[effect]}. ${advice[effect]}`,
    {
      hint: advice[effect],
      details: { file, call, effect },
    },
  );
}

/** The error of a second copy of SQLite. */
export function copyRefusal(call: string, file: string): SqliteCopyConflictError {
  return new SqliteCopyConflictError(
    `This process has the database file ${file} open through better-sqlite3, and \`${call}\` would open it through another copy of SQLite. ${oneCopy}`,
    {
      hint: oneCopy,
      details: { file, call, effect: 'open' },
    },
  );
}
