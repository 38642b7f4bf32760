/**
 * Detects a database file that ends in the middle of a page: SQLite counts that page, and reads zeros for the missing
 * part.
 */
import { quotedName } from '../base/sql-name';
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { count } from '../base/figures';
import type { NativeDatabase } from '../native/better-sqlite3';
import { NativeSqliteError } from '../native/sqlite-error';

/**
 * Bytes of the header of a `-wal`: a file that is no longer holds no page.
 * https://sqlite.org/fileformat.html#the_write_ahead_log
 */
const walHeaderBytes = 32;

/**
 * The last commit in a `-wal` states the number of pages. A check takes memory, and a copy space, for every counted
 * page, so the count must be plausible for the files: each page of a database is in one of them. The bound is far
 * above, for unforeseen filesystems and tools.
 */
const pagesPerStoredPage = 4;
const sparseBytes = 1_073_741_824;
const impossible = 'that number cannot be true';

/** Throws before a copy of more pages than the files can contain. */
export function refuseImpossible(missing: string | null): void {
  if (missing?.endsWith(impossible) === true) throw new NativeSqliteError(missing, 'SQLITE_CORRUPT');
}

/**
 * Returns a description of the missing end of `schema`'s file, or `null`. `integrity_check` misses it where zeros make
 * a valid page: the rows of the last page silently become empty.
 *
 * Only if the `-wal` is empty, because its pages may lie beyond the end of the file. Checked after the first read:
 * while this transaction reads pages from a `-wal`, no connection truncates it.
 */
export function missingBytes(db: NativeDatabase.Database, schema = 'main'): string | null {
  const file = fileOf(db, schema);
  if (file === '') return null;
  const isOwnTransaction = !db.inTransaction;
  if (isOwnTransaction) db.exec('BEGIN');
  try {
    const pages = numberOf(db, schema, 'page_count');
    const pageSize = numberOf(db, schema, 'page_size');
    const walBytes = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    const bytes = statSync(file, { throwIfNoEntry: false })?.size;
    if (bytes !== undefined && pages * pageSize > (bytes + walBytes) * pagesPerStoredPage + sparseBytes) {
      return `SQLite counts ${count(pages, 'page')} of ${pageSize}, and ${basename(file)} has ${count(bytes, 'byte')}, its -wal ${walBytes}: ${impossible}`;
    }
    if (walBytes > walHeaderBytes || bytes === undefined || bytes >= pages * pageSize) return null;
    return `${basename(file)} has ${count(bytes, 'byte')}, and SQLite counts ${count(pages, 'page')} of ${pageSize}: its end is missing`;
  } finally {
    if (isOwnTransaction) db.exec('ROLLBACK');
  }
}

/** https://sqlite.org/pragma.html#pragma_database_list; `''` for a schema without a file. */
function fileOf(db: NativeDatabase.Database, schema: string): string {
  const files = db.prepare('SELECT file FROM pragma_database_list WHERE name = ? COLLATE NOCASE').pluck().all(schema);
  return typeof files[0] === 'string' ? files[0] : '';
}

function numberOf(db: NativeDatabase.Database, schema: string, pragma: string): number {
  return Number(db.pragma(`${quotedName(schema)}.${pragma}`, { simple: true }));
}
