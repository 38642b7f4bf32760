/** Opens the connection of one job, verifies that it is on the right file, and closes it with the job. */
import { lstatSync, statSync } from 'node:fs';
import { identityKey, sameFile } from '../base/file-identity';
import { fileCommands } from '../base/file-commands';
import { FileReplacedError, MaintenanceError, UntrustedFileError } from '../errors/refusals';
import { plantedSidecar } from '../filesystem/planted-sidecar';
import { missingSuperJournal } from '../filesystem/super-journal';
import { plantedError, superJournalError } from '../policy/preflight';
import { NativeDatabase } from '../native/better-sqlite3';
import type { JobTarget } from './messages';

export interface ConnectionSettings {
  /** A read-only connection never checkpoints, not even when it closes last. */
  readonly access: 'read-only' | 'read-write';
  readonly busyTimeoutMs: number;
  /** `'off'` only for a connection that writes nothing but a new file that is not in use yet. */
  readonly synchronous: 'full' | 'off';
}

/**
 * Opens the target of a job, without automatic checkpoints.
 *
 * SQLite reads nothing of the file before the first statement; a connection on the wrong file is closed without having
 * touched it.
 */
export function openForJob(target: JobTarget, settings: ConnectionSettings): NativeDatabase.Database {
  refuseReplaced(target);
  refuseUntrusted(target.file.trim());
  refuseHalfTransaction(target.file.trim(), settings.busyTimeoutMs);
  const db = new NativeDatabase(target.file, {
    readonly: settings.access === 'read-only',
    fileMustExist: true,
    timeout: settings.busyTimeoutMs,
    ...(target.nativeBinding === undefined ? {} : { nativeBinding: target.nativeBinding }),
  });
  try {
    // Checked again with the descriptor open: this detects a replacement between the two checks.
    refuseReplaced(target);
    verifyPragma(db, 'wal_autocheckpoint', 0);
    // better-sqlite3's build silently lowers a WAL database to NORMAL unless FULL is asked for; VACUUM INTO syncs its
    // output at the level of the source's connection. https://sqlite.org/pragma.html#pragma_synchronous
    verifyPragma(db, 'synchronous', settings.synchronous === 'full' ? 2 : 0);
    // A schema from an untrusted source cannot call harmful functions. https://sqlite.org/security.html
    verifyPragma(db, 'trusted_schema', 0);
    verifyPragma(db, 'cell_size_check', 1);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Sets a pragma, reads it back, and throws on any other value. */
export function verifyPragma(db: NativeDatabase.Database, pragma: string, value: number): void {
  db.pragma(`${pragma}=${value}`);
  const found = db.pragma(pragma, { simple: true }) as number | undefined;
  if (found === value) return;
  throw new MaintenanceError(`SQLite answered ${pragma}=${found} instead of ${value} for ${db.name}.`, {
    details: { file: db.name, pragma, expected: value, found },
  });
}

/** SQLite plays back what another user planted, blocks on a FIFO that has the name of a journal, and treats a device or a folder as a failing disk. */
function refuseUntrusted(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const path = `${file}${suffix}`;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    // The name of the database is canonical, so a link there is new; SQLite follows no links beside it.
    if (stats === undefined || stats.isFile()) continue;
    throw new UntrustedFileError(`${path} is not a regular file, so SQLite must not open ${file}.`, {
      hint: `Check what it is (${fileCommands.listItself(path)}), and move it away.`,
      details: { file, path },
    });
  }
  const planted = plantedSidecar(file);
  if (planted !== null) throw plantedError(file, planted);
}

/** SQLite would delete the journal of a transaction that was cut off, without playing it back. */
function refuseHalfTransaction(file: string, waitMs: number): void {
  const missing = missingSuperJournal(file, waitMs);
  if (missing !== null) throw superJournalError(file, missing);
}

function refuseReplaced({ file, identity }: JobTarget): void {
  if (identity === null) return;
  // better-sqlite3 trims the name that it opens.
  const found = statSync(file.trim(), { bigint: true, throwIfNoEntry: false });
  if (found !== undefined && sameFile(found, identity)) return;
  const expected = identityKey(identity);
  throw new FileReplacedError(
    found === undefined
      ? `The database ${file} is gone: it was deleted or renamed while it was open.`
      : `The path ${file} names another file (${identityKey(found)}) than the one that was opened (${expected}).`,
    { details: { file, expected, found: found === undefined ? null : identityKey(found) } },
  );
}
