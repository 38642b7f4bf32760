/**
 * Makes the backups of one open database: on request, by schedule, and before a risky change; listeners are notified of
 * each.
 */
import { integrityLines } from '../base/integrity-lines';
import { dirname } from 'node:path';
import { performance } from '../base/clock';
import { backup } from './backup';
import { changeAlone, changeInTransaction, insideTransaction } from './change';
import type { BackupOptions, BackupResult } from './options';
import { startSchedule, type Schedule } from './schedule';
import { withSnapshot, type SnapshotOptions, type SnapshotOutcome } from './snapshot';
import { verifyDatabase, type VerifyReport } from './verify';
import type { Connection } from '../connection/connection';
import { SqliteCorruptError, SqliteNotADatabaseError } from '../errors/sqlite-errors';
import { BackupError, ClosedDatabaseError, InvalidOptionError } from '../errors/refusals';
import { pagesFrom } from '../maintenance/copy-rate';
import type { CopyProgress } from '../maintenance/messages';
import type { ResolvedScheduledBackup } from '../options/resolved';
import { asError } from '../base/foreign-error';
import type { FileIdentity } from '../base/file-identity';
import { backupEnvironment } from './environment';

/** The part of an open database that its backups use. */
export interface BackupSubject {
  readonly connection: Connection;
  /** `null` for a database without a file. */
  readonly identity: FileIdentity | null;
}

/** Implements `db.backup()`. */
export async function backUp(
  database: BackupSubject,
  destination: string,
  options: BackupOptions | undefined,
): Promise<BackupResult> {
  const { hub } = database.connection;
  const progress = watchProgress(database.connection, options);
  try {
    return await makeBackup(database, destination, progress.options);
  } catch (cause) {
    noteDamage(database.connection, cause);
    const failure = progress.failure();
    // A thrown `undefined` or `null` is as much the caller's as an Error.
    const error = failure === null ? asBetterSqlite3(cause) : failure.thrown;
    hub.publish('backupFailed', { path: String(destination), error: asError(error) });
    throw error;
  }
}

/** A copy reads the pages that no statement has met yet, and its check finds what was copied with them. */
function noteDamage(connection: Connection, error: unknown): void {
  if (!(error instanceof BackupError)) return;
  const { cause, details } = error;
  if (cause instanceof SqliteCorruptError || cause instanceof SqliteNotADatabaseError) connection.faults.count(cause);
  const { step, problems } = details;
  if (step !== 'verify' || !Array.isArray(problems)) return;
  connection.lastCheck = { ok: false, level: 'quick', at: performance.now(), problem: firstLine(problems.map(String)) };
}

/**
 * As in better-sqlite3: the callback's error reaches the caller unchanged, and closing the connection ends the copy.
 */
function watchProgress(
  { native }: Connection,
  options: BackupOptions | undefined,
): { readonly options: BackupOptions | undefined; readonly failure: () => { readonly thrown: unknown } | null } {
  const progress: unknown = options?.progress;
  if (typeof progress !== 'function') return { options, failure: () => null };
  let failure: { readonly thrown: unknown } | null = null;
  const watched = (counts: CopyProgress): number | undefined => {
    try {
      if (!native.open) throw new ClosedDatabaseError('The database connection is not open');
      const returned: unknown = Reflect.apply(progress, undefined, [counts]);
      pagesFrom(returned, 0);
      return returned as number | undefined;
    } catch (thrown) {
      failure ??= { thrown };
      throw thrown;
    }
  };
  return { options: { ...options, progress: watched }, failure: () => failure };
}

/** better-sqlite3 throws a `TypeError` for a missing folder; everything else is a `BackupError`. */
function asBetterSqlite3(error: unknown): unknown {
  if (!(error instanceof BackupError) || error.details['missingFolder'] !== true) return error;
  const { hint, details } = error;
  return new InvalidOptionError('Cannot save backup because the directory does not exist', {
    hint,
    details,
    cause: error,
  });
}

/**
 * Starts the backups of the `backup` option; `null` for a database without a file, which ends with the process anyway.
 */
export function startScheduledBackups(database: BackupSubject): Schedule | null {
  const { plan, options, hub } = database.connection;
  const { file } = plan;
  if (options.backup === 'off' || file === null) return null;
  const { verify, directory, reserveBytes }: ResolvedScheduledBackup = options.backup;
  const { nativeBinding } = options;
  return startSchedule(options.backup, {
    source: file,
    isReadonly: options.readonly,
    nativeBinding: typeof nativeBinding === 'string' ? nativeBinding : undefined,
    // SQLite's locks are less reliable on a filesystem of another machine than on that of the database.
    lockDirectory: async () => ((await backupEnvironment.isNetwork(directory)) ? dirname(file) : directory),
    backup: (destination, signal, onFinished) =>
      makeBackup(
        database,
        destination,
        { verify, signal, overwrite: false, ...(reserveBytes === null ? {} : { reserveBytes }) },
        onFinished,
      ),
    onFailure: (error, _next, path) => hub.publish('backupFailed', { path, error }),
    onWarning: (code, message, details) => hub.publish('warning', { code, message, details }),
  });
}

/** Implements `db.withSnapshot()`. */
export function changeWithSnapshot<Value>(
  database: BackupSubject,
  change: () => Value,
  options: SnapshotOptions | undefined,
): Promise<SnapshotOutcome<Awaited<Value>>> {
  const { connection } = database;
  const { native, plan, file } = connection;
  if (native.inTransaction) return Promise.reject(insideTransaction(file));
  return withSnapshot(
    {
      file: plan.file,
      backup: (destination, given) =>
        backUp(database, destination, { ...given, overwrite: false }).catch((error: unknown) => {
          // Only `db.backup()` has a counterpart in better-sqlite3.
          throw error instanceof InvalidOptionError && error.cause instanceof BackupError ? error.cause : error;
        }),
      changeInTransaction: (run, how) => changeInTransaction(connection, run, how),
      changeAlone: (run, how) => changeAlone(connection, run, how),
    },
    change,
    options,
  );
}

/** Implements `db.verify()`; `db.health()` reports what it found. */
export async function verifyOpen(connection: Connection, level: 'quick' | 'full' = 'quick'): Promise<VerifyReport> {
  const { file } = connection.plan;
  if (file === null) {
    throw new InvalidOptionError('A database without a file cannot be checked off the event loop.', {
      hint: "Use `db.pragma('integrity_check')` on it.",
    });
  }
  const report = await verifyDatabase(file, { level });
  const problem = report.ok ? null : firstLine(report.problems);
  connection.lastCheck = { ok: report.ok, level, at: performance.now(), problem };
  return report;
}

/** Without the heading that SQLite puts over the problems of one schema. */
function firstLine(problems: readonly string[]): string {
  return integrityLines(problems).find(line => !/^\*+ in database/.test(line)) ?? 'damage';
}

async function makeBackup(
  { connection, identity }: BackupSubject,
  destination: string,
  options: BackupOptions | undefined,
  onFinished?: (result: BackupResult) => Promise<void>,
): Promise<BackupResult> {
  const { plan, native, hub } = connection;
  const { nativeBinding, timeout, checkpoint } = connection.options;
  const source = {
    native,
    file: plan.file,
    identity,
    nativeBinding: typeof nativeBinding === 'string' ? nativeBinding : undefined,
    busyTimeoutMs: timeout,
    walBytes: checkpoint === 'off' ? undefined : checkpoint.walBytes,
  };
  const result = await backup(source, destination, options, { ...backupEnvironment, onFinished });
  const { path, bytes, pages, durationMs } = result;
  hub.publish('backup', { path, bytes, pages, durationMs });
  return result;
}
