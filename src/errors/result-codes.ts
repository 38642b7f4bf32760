/**
 * Lists every primary and extended result code of SQLite, in numerical order, with the meanings of
 * https://sqlite.org/rescode.html. A test compares it with the sqlite3.h of better-sqlite3.
 */
import { constraintCodes } from './result-codes/constraint';
import { contentionCodes } from './result-codes/contention';
import { ioDataCodes } from './result-codes/io-data';
import { ioSystemCodes } from './result-codes/io-system';
import type { ResultCodeRow } from './result-codes/row';
import { silentCodes } from './result-codes/silent';
import { statementCodes } from './result-codes/statement';
import { storageCodes } from './result-codes/storage';

const allRows = {
  ...statementCodes,
  ...constraintCodes,
  ...contentionCodes,
  ...storageCodes,
  ...ioDataCodes,
  ...ioSystemCodes,
  ...silentCodes,
};

/** The names of all result codes of SQLite 3.54. */
export type SqliteResultCode = keyof typeof allRows;

/** The table, by name. */
export const resultCodes: ReadonlyMap<string, ResultCodeRow> = new Map(
  Object.entries<ResultCodeRow>(allRows).toSorted(([, left], [, right]) => left.number - right.number),
);

/** The row for the `code` of an error. */
export interface ResolvedCode {
  /** The extended name, for example `'SQLITE_IOERR_FSYNC'`. */
  readonly code: string;
  /** The name of its family, for example `'SQLITE_IOERR'`. */
  readonly primaryCode: string;
  readonly row: ResultCodeRow;
}

// better-sqlite3's name for codes that its own table lacks (src/util/constants.cpp).
const unnamedCode = /^UNKNOWN_SQLITE_ERROR_(\d+)$/;
const newerName = /^(SQLITE_[A-Z]+)_[A-Z_]+$/;

/** Names of the families, by number. */
const primaryNames: ReadonlyMap<number, string> = new Map(
  [...resultCodes].filter(([, row]) => row.number <= 0xff).map(([code, row]) => [row.number, code]),
);

/** Used for a number whose family is newer than this table. */
const unknownFailure: ResultCodeRow = {
  number: 1,
  errorClass: 'SqliteResultError',
  retryable: false,
  fatal: false,
  meaning: 'A result code that is newer than this library.',
  hint: 'Look the number up at https://sqlite.org/rescode.html, and update this library.',
};

/**
 * Resolves the `code` of an error; `null` if it is not a result code of SQLite.
 *
 * A code newer than this table is described by its family: the lowest byte of the number, or the beginning of the name.
 */
export function resolveCode(code: string): ResolvedCode | null {
  const row = resultCodes.get(code);
  if (row !== undefined) return { code, primaryCode: primaryNameOf(row.number) ?? code, row };
  const digits = unnamedCode.exec(code)?.[1];
  return digits === undefined ? resolveNewerName(code) : resolveNumber(code, Number(digits));
}

// https://sqlite.org/rescode.html#primary_result_codes_versus_extended_result_codes
function primaryNameOf(number: number): string | undefined {
  return primaryNames.get(number & 0xff);
}

function resolveNumber(unnamed: string, number: number): ResolvedCode {
  const primaryCode = primaryNameOf(number);
  for (const [code, row] of resultCodes) {
    if (row.number === number) return { code, primaryCode: primaryCode ?? code, row };
  }
  const row = primaryCode === undefined ? undefined : resultCodes.get(primaryCode);
  return { code: unnamed, primaryCode: primaryCode ?? unnamed, row: row ?? unknownFailure };
}

function resolveNewerName(code: string): ResolvedCode | null {
  const primaryCode = newerName.exec(code)?.[1];
  const row = primaryCode === undefined ? undefined : resultCodes.get(primaryCode);
  return primaryCode === undefined || row === undefined ? null : { code, primaryCode, row };
}
