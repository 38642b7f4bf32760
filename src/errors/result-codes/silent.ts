/** Lists the result codes that are not failures of a call or are never reported; they complete the table. */
import { rows, type ResultCodeRow } from './row';

function neverThrown(number: number, meaning: string): ResultCodeRow {
  return {
    number,
    errorClass: 'SqliteResultError',
    retryable: false,
    fatal: false,
    meaning,
    hint: 'If you see this as an error, it is a bug in a native extension or in better-sqlite3: please report it.',
  };
}

export const silentCodes = rows({
  SQLITE_OK: neverThrown(0, 'Success.'),
  SQLITE_OK_LOAD_PERMANENTLY: neverThrown(256, 'An extension was loaded and stays loaded when its connection closes.'),
  SQLITE_OK_SYMLINK: neverThrown(512, 'Inside SQLite: a path was resolved and had a symbolic link in it.'),
  SQLITE_NOTFOUND: neverThrown(12, 'A file control is not known to the VFS; SQLite uses it inside.'),
  SQLITE_EMPTY: neverThrown(16, 'Not used as the result of a call.'),
  SQLITE_FORMAT: neverThrown(24, 'Not used.'),
  SQLITE_NOTICE: neverThrown(27, 'A notice for the log of the C library.'),
  SQLITE_NOTICE_RECOVER_WAL: neverThrown(283, 'A notice for the log: a WAL was recovered.'),
  SQLITE_NOTICE_RECOVER_ROLLBACK: neverThrown(539, 'A notice for the log: a hot journal was rolled back.'),
  SQLITE_NOTICE_RBU: neverThrown(795, 'A notice of the RBU extension.'),
  SQLITE_WARNING: neverThrown(28, 'A warning for the log of the C library.'),
  SQLITE_WARNING_AUTOINDEX: neverThrown(284, 'A warning for the log: a query built an index for itself.'),
  SQLITE_ROW: neverThrown(100, 'A step of a statement has a row.'),
  SQLITE_DONE: neverThrown(101, 'A statement has run to its end.'),
});
