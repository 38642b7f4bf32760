/** What the operating system answers before SQLite is asked, as the error that SQLite would have made of it. */
import { errorCode, errorMessage, textOf } from '../base/foreign-error';
import { SqliteCantOpenError } from '../errors/sqlite-errors';

/** Looks at a file that is to be opened; a call that fails there means that the file cannot be opened. */
export function reach<Result>(filename: string, look: () => Result): Result {
  try {
    return look();
  } catch (error) {
    throw isSystemError(error) ? cannotOpen(filename, error) : error;
  }
}

function cannotOpen(filename: string, cause: unknown): SqliteCantOpenError {
  const file = filename.trim();
  const errno = errorCode(cause);
  return new SqliteCantOpenError(
    `unable to open database file (SQLITE_CANTOPEN at open in ${file}): ${errorMessage(cause)}`,
    'SQLITE_CANTOPEN',
    { hint: hints[errno ?? ''] ?? otherHint, details: { file, operation: 'open', errno }, cause },
  );
}

const tooManyFiles = 'Close what is not needed, or raise the limit of open files (`ulimit -n`), then open again.';
const noRights =
  'Give this user the right to reach the file: to search every folder of its path, to read and write it.';

const hints: Readonly<Record<string, string>> = {
  EMFILE: tooManyFiles,
  ENFILE: 'The whole system has too many files open: raise `fs.file-max`, or end what holds them.',
  EACCES: noRights,
  EPERM: noRights,
  ELOOP: 'Some symbolic links of the path lead in a circle: correct them.',
};
const otherHint = 'The file or its folder cannot be looked at: check the path, and the disk (dmesg, smartctl).';

/** As Node makes them of a failed system call. */
function isSystemError(error: unknown): boolean {
  return textOf(error, 'code') !== null && textOf(error, 'syscall') !== null;
}
