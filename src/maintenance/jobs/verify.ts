/** The job that checks a database. */
import { performance } from '../../base/clock';
import { isSqliteFailure, type SqliteFailure } from '../../errors/translate';
import { NativeDatabase } from '../../native/better-sqlite3';
import { readHeader } from '../read-header';
import { missingBytes } from '../truncated-file';
import type { VerifyJob, VerifyResult } from '../messages';

/** Problems that one check lists at most, as `PRAGMA integrity_check` has it by default. */
const maxProblems = 100;

/**
 * Reads the header, runs the check of the level, and counts the rows that refer to nothing.
 *
 * Damage that stops SQLite from reading at all is a problem of the database like those that the check lists, so it is
 * listed too; a failure of the storage or a lock is thrown.
 */
export function verify(db: NativeDatabase.Database, job: Pick<VerifyJob, 'level'>): VerifyResult {
  const started = performance.now();
  const problems: string[] = [];
  // One read transaction: all answers are about the same snapshot.
  db.exec('BEGIN');
  try {
    const header = listDamage('the header', problems, () => readHeader(db));
    if (header?.pages === 0) problems.push('the database has no pages');
    const missing = header === null ? null : missingBytes(db);
    if (missing !== null) problems.push(missing);
    if (problems.length === 0 && (job.level === 'quick' || job.level === 'full')) check(db, job.level, problems);
    return {
      header,
      journalMode: header === null ? null : String(db.pragma('journal_mode', { simple: true })),
      problems,
      foreignKeyViolations: job.level === 'header' || problems.length > 0 ? null : countViolations(db),
      sqliteVersion: versionOf(db),
      durationMs: performance.now() - started,
    };
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
  }
}

/** The result for a database that cannot even be opened because it is damaged; any other error is thrown on. */
export function unreadable(error: unknown): VerifyResult {
  if (!isDamage(error)) throw error;
  const memory = new NativeDatabase(':memory:');
  try {
    return {
      header: null,
      journalMode: null,
      problems: [`the header could not be read: ${error.code}: ${error.message}`],
      foreignKeyViolations: null,
      sqliteVersion: versionOf(memory),
      durationMs: 0,
    };
  } finally {
    memory.close();
  }
}

function check(db: NativeDatabase.Database, level: 'quick' | 'full', problems: string[]): void {
  const pragma = level === 'full' ? 'integrity_check' : 'quick_check';
  const lines = listDamage(pragma, problems, () => db.prepare(`PRAGMA ${pragma}(${maxProblems})`).pluck().all());
  if (lines === null || (lines.length === 1 && lines[0] === 'ok')) return;
  for (const line of lines) problems.push(String(line));
}

function listDamage<Value>(what: string, problems: string[], read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    problems.push(`${what} could not be read: ${error.code}: ${error.message}`);
    return null;
  }
}

/** https://sqlite.org/pragma.html#pragma_foreign_key_check; a parent without the key that is referred to is an error. */
function countViolations(db: NativeDatabase.Database): number | null {
  try {
    return Number(db.prepare('SELECT count(*) FROM pragma_foreign_key_check').pluck().get());
  } catch (error) {
    if (isSqliteFailure(error) && error.code === 'SQLITE_ERROR') return null;
    throw error;
  }
}

function isDamage(error: unknown): error is SqliteFailure {
  if (!isSqliteFailure(error)) return false;
  return error.code === 'SQLITE_NOTADB' || error.code.startsWith('SQLITE_CORRUPT');
}

function versionOf(db: NativeDatabase.Database): string {
  return String(db.prepare('SELECT sqlite_version()').pluck().get());
}
