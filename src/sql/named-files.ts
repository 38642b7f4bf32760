/** Finds the files that an SQL text names for SQLite to open: those of ATTACH and of VACUUM INTO. */
import { readAttach, readVacuumInto } from './attach';
import { isKeyword } from './names';
import { headOf, statementsOf } from './statements';

/** Ordinary SQL contains none of these words. */
const words = /\b(?:attach|vacuum)\b/i;

/** Returns the names as written, without quotes, including URIs; computed and bound names are left out. */
export function namedFiles(sql: string): readonly string[] {
  if (!words.test(sql)) return [];
  const files: string[] = [];
  for (const statement of statementsOf(sql)) {
    const { at, explained } = headOf(sql, statement);
    if (explained) continue;
    const read = isKeyword(sql, statement[at], 'attach')
      ? readAttach(sql, statement, at)
      : isKeyword(sql, statement[at], 'vacuum')
        ? readVacuumInto(sql, statement, at)
        : null;
    if (read !== null && 'file' in read && read.file.literal !== null) files.push(read.file.literal);
  }
  return files;
}
