/** The files that a text of SQL names for SQLite to open: those of ATTACH and of VACUUM INTO. */
import { fileOfAttach, readVacuumInto } from './attach';
import { isKeyword } from './names';
import { headOf, statementsOf } from './statements';

/** Ordinary SQL has none of these words. */
const words = /\b(?:attach|vacuum)\b/i;

/** As they are written, quotes taken off, URIs too; what is computed or bound is not known before it runs. */
export function namedFiles(sql: string): readonly string[] {
  if (!words.test(sql)) return [];
  return [...statementsOf(sql)].flatMap(statement => {
    const { at, explained } = headOf(sql, statement);
    if (explained) return [];
    if (isKeyword(sql, statement[at], 'attach')) return fileOfAttach(sql, statement, at) ?? [];
    if (!isKeyword(sql, statement[at], 'vacuum')) return [];
    const copy = readVacuumInto(sql, statement, at);
    return copy !== null && 'file' in copy ? copy.file : [];
  });
}
