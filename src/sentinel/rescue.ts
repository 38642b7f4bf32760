/**
 * Saves the data that a connection still sees after its files were deleted or replaced: into a new file, never into the
 * old one.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { asError, errorMessage } from '../base/foreign-error';
import { NativeDatabase } from '../native/better-sqlite3';

/** The part of better-sqlite3's connection that a rescue uses. */
export interface RescuedConnection {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  prepare(sql: string): { run(...values: unknown[]): unknown };
}

export type Rescue =
  | {
      readonly rescued: true;
      readonly path: string;
      readonly bytes: number;
      /**
       * Null if `integrity_check` through another connection reported `ok` and the copy is synced; else its report, why
       * it could not run, or the error of the sync.
       */
      readonly problem: string | null;
    }
  | { readonly rescued: false; readonly error: Error };

/**
 * Writes everything that the connection has committed to `<name>.rescued-<UTC time>.db` in the first writable one of
 * `directories`, then in the temporary folder; checks it and syncs it.
 *
 * An open transaction is rolled back first: none of it was acknowledged, and `VACUUM INTO` cannot run inside one.
 * Commits in a deleted `-wal` are still visible to the connection that has it open (measured: 101 of 101 rows).
 */
export function rescue(connection: RescuedConnection, directories: readonly string[], name: string, now: Date): Rescue {
  const file = rescueName(name, now);
  const places = new Set([...directories, tmpdir()].map(directory => join(directory, file)));
  try {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    const path = writeInto(connection, [...places]);
    const problem = integrityProblem(path) ?? syncProblem(path);
    return { rescued: true, path, bytes: statSync(path).size, problem };
  } catch (cause) {
    return { rescued: false, error: asError(cause) };
  }
}

/** `app.db` at noon becomes `app.db.rescued-20261121T120000.000Z.db`: sorted by time, and valid on every system. */
export function rescueName(name: string, now: Date): string {
  return `${name}.rescued-${now.toISOString().replaceAll(/[-:]/g, '')}.db`;
}

/**
 * `VACUUM INTO` fills an empty private file: the permissions of the database are gone with its name, and the folder may
 * be the temporary one. `wx`: no older rescue is overwritten.
 */
function writeInto(connection: RescuedConnection, places: readonly string[]): string {
  const failures: unknown[] = [];
  for (const path of places) {
    try {
      closeSync(openSync(path, 'wx', 0o600));
    } catch (cause) {
      failures.push(cause);
      continue;
    }
    try {
      connection.prepare('VACUUM INTO ?').run(path);
      return path;
    } catch (cause) {
      failures.push(cause);
      // On a full disk SQLite leaves a partial file, which must not pass for a rescued copy.
      removeUnfinished(path);
    }
  }
  throw new AggregateError(
    failures,
    `No rescued copy could be written to ${places.join(' or ')}: ${String(failures[0])}`,
  );
}

function removeUnfinished(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The thrown error names the file anyway.
  }
}

function integrityProblem(path: string): string | null {
  try {
    const copy = new NativeDatabase(path, { readonly: true, fileMustExist: true });
    try {
      const found = copy.prepare<[], string>('PRAGMA integrity_check').pluck().all();
      return found.length === 1 && found[0] === 'ok' ? null : found.join('; ');
    } finally {
      copy.close();
    }
  } catch (cause) {
    // Including a schema that needs functions of the application: the copy stays, and an operator has to check it.
    return errorMessage(cause);
  }
}

/** `VACUUM INTO` leaves the sync of the new file to the caller. */
function syncProblem(path: string): string | null {
  try {
    sync(path, 'r+');
    // Windows cannot sync a folder, and does not need to.
    if (process.platform !== 'win32') sync(dirname(path), 'r');
    return null;
  } catch (cause) {
    return `the disk did not confirm it: ${errorMessage(cause)}`;
  }
}

function sync(path: string, flags: string): void {
  const fd = openSync(path, flags);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
