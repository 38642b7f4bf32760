/** Implements the job that checks a database. */
import { accessSync, constants } from 'node:fs';
import { performance } from '../../base/clock';
import { isSqliteFailure, isStatementFailure, type SqliteFailure } from '../../errors/translate';
import { NativeDatabase } from '../../native/better-sqlite3';
import { readHeader } from '../read-header';
import { missingBytes } from '../truncated-file';
import { quotedName } from '../../base/sql-name';
import type { VerifyJob, VerifyLevel, VerifyResult } from '../messages';

/** Maximum number of problems listed by one check, the default of `PRAGMA integrity_check`. */
const maxProblems = 100;

/**
 * Reads the header, runs the check of the level, and counts dangling foreign keys.
 *
 * Damage that keeps SQLite from reading at all is listed like the problems that the check finds; a storage failure or a
 * lock is thrown.
 */
export function verify(db: NativeDatabase.Database, job: Pick<VerifyJob, 'level' | 'access' | 'file'>): VerifyResult {
  const started = performance.now();
  const problems: string[] = [];
  // One read transaction: all results are about the same snapshot.
  db.exec('BEGIN');
  try {
    const header = listDamage('the header', problems, () => readHeader(db));
    if (header?.pages === 0) problems.push('it is empty');
    const missing = header === null ? null : missingBytes(db);
    if (missing !== null) problems.push(missing);
    const unchecked: string[] = [];
    const wants = problems.length === 0 && (job.level === 'quick' || job.level === 'full') ? job.level : null;
    const { checked, checkViolations } =
      wants === null ? notChecked : check(db, wants, evaluatesChecks(job), problems, unchecked);
    return {
      checked,
      unchecked,
      checkViolations,
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

/** The result for a database too damaged to open; any other error is rethrown. */
export function unreadable(error: unknown): VerifyResult {
  if (!isDamage(error)) throw error;
  const memory = new NativeDatabase(':memory:');
  try {
    return {
      checked: null,
      unchecked: [],
      checkViolations: null,
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

/** How deep the check was, and the rows that violate a CHECK constraint. */
type Depth = Pick<VerifyResult, 'checked' | 'checkViolations'>;

const notChecked: Depth = { checked: null, checkViolations: null };

/**
 * True if SQLite evaluates the CHECK constraints: it does not load them through a connection that may only read (build.c,
 * sqlite3AddCheckConstraint), and opens a file without the right to write through such a one.
 */
function evaluatesChecks({ access, file }: Pick<VerifyJob, 'access' | 'file'>): boolean {
  try {
    if (access === 'read-write') accessSync(file.trim(), constants.W_OK);
    return access === 'read-write';
  } catch {
    return false;
  }
}

/**
 * Checks the structure, and counts the rows that violate a CHECK constraint where SQLite evaluates them.
 *
 * Such a row is a fault of the data, as a dangling reference is: the verdict on the structure is the same with and without the
 * right to write. One reading answers both questions unless it finds something.
 */
function check(
  db: NativeDatabase.Database,
  level: VerifyLevel,
  withChecks: boolean,
  problems: string[],
  unchecked: string[],
): Depth {
  const found = withChecks ? findings(db, `PRAGMA ${pragmaOf(level)}(${maxProblems})`) : null;
  if (found?.length === 0) return { checked: level, checkViolations: 0 };
  db.pragma('ignore_check_constraints=ON');
  const checked = checkStructure(db, level, problems, unchecked);
  const isComplete = found !== null && checked === level && problems.length === 0;
  return { checked, checkViolations: isComplete ? found.length : null };
}

/** Returns the lines of a check without its `ok`; `null` if it cannot run. */
function findings(db: NativeDatabase.Database, sql: string): readonly string[] | null {
  try {
    const lines = db.prepare<[], string>(sql).pluck().all();
    return lines.length === 1 && lines[0] === 'ok' ? [] : lines;
  } catch (error) {
    if (isDamage(error) || isStatementFailure(error)) return null;
    throw error;
  }
}

/**
 * Checks as deeply as the schema allows, and reports the depth and what was left out.
 *
 * Indexes and generated columns may call functions and collations that the application defines on its own connection; a check
 * that meets one fails as a whole, with SQLITE_ERROR. `quick_check` evaluates no index; checking one table at a time leaves out
 * only the tables that need such a function, and their rows are read anyway.
 */
function checkStructure(
  db: NativeDatabase.Database,
  level: VerifyLevel,
  problems: string[],
  unchecked: string[],
): VerifyLevel | 'partial' {
  const levels: readonly VerifyLevel[] = level === 'full' ? ['full', 'quick'] : ['quick'];
  for (const each of levels) {
    const failure = tryCheck(db, `PRAGMA ${pragmaOf(each)}(${maxProblems})`, pragmaOf(each), problems);
    if (failure === null) return each;
    unchecked.push(`${pragmaOf(each)}: ${failure}`);
  }
  for (const table of tablesOf(db, problems)) {
    const name = quotedName(table);
    const failure = tryCheck(db, `PRAGMA quick_check(${name})`, `the table ${table}`, problems);
    if (failure === null) continue;
    unchecked.push(`the columns of the table ${table}: ${failure}`);
    listDamage(`the table ${table}`, problems, () => db.prepare(`SELECT count(*) FROM ${name} NOT INDEXED`).get());
  }
  return 'partial';
}

function pragmaOf(level: VerifyLevel): string {
  return level === 'full' ? 'integrity_check' : 'quick_check';
}

/** Returns `null` if the check ran, whatever it found; else the missing function or collation. */
function tryCheck(db: NativeDatabase.Database, sql: string, what: string, problems: string[]): string | null {
  try {
    const lines = listDamage(what, problems, () => db.prepare(sql).pluck().all());
    if (lines !== null && !(lines.length === 1 && lines[0] === 'ok')) problems.push(...lines.map(String));
    return null;
  } catch (error) {
    if (isStatementFailure(error)) return error.message;
    throw error;
  }
}

/** Returns the tables that have pages; virtual tables have none of their own. */
function tablesOf(db: NativeDatabase.Database, problems: string[]): readonly string[] {
  const sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0";
  return (listDamage('the schema', problems, () => db.prepare(sql).pluck().all()) ?? []).map(String);
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

/** https://sqlite.org/pragma.html#pragma_foreign_key_check; a parent without the referenced key is an error. */
function countViolations(db: NativeDatabase.Database): number | null {
  try {
    return Number(db.prepare('SELECT count(*) FROM pragma_foreign_key_check').pluck().get());
  } catch (error) {
    if (isStatementFailure(error)) return null;
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
