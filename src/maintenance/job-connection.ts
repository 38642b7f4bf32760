/** The connection of one job: opened for it, proved to be on the right file, closed with it. */
import { lstatSync, statSync } from 'node:fs';
import { identityKey, sameFile } from '../base/file-identity';
import { shellWord } from '../base/terminal-text';
import { FileReplacedError, MaintenanceError, UntrustedFileError } from '../errors/refusals';
import { NativeDatabase } from '../native/better-sqlite3';
import type { JobTarget } from './messages';

export interface ConnectionSettings {
  /** A read-only connection never checkpoints, also not when it is the last one that closes. */
  readonly access: 'read-only' | 'read-write';
  readonly busyTimeoutMs: number;
  /** `'off'` only for a connection that writes nothing but a new file that nobody relies on yet. */
  readonly synchronous: 'full' | 'off';
}

/**
 * Opens the target of a job, without automatic checkpoints.
 *
 * SQLite reads nothing of the file before the first statement, so a connection that turns out to be on another file
 * is closed again without having touched it.
 */
export function openForJob(target: JobTarget, settings: ConnectionSettings): NativeDatabase.Database {
  refuseReplaced(target);
  refuseIrregular(target.file.trim());
  const db = new NativeDatabase(target.file, {
    readonly: settings.access === 'read-only',
    fileMustExist: true,
    timeout: settings.busyTimeoutMs,
    ...(target.nativeBinding === undefined ? {} : { nativeBinding: target.nativeBinding }),
  });
  try {
    // Once more, now that the descriptor is open: whoever replaced the file between the two looks is seen here.
    refuseReplaced(target);
    verifyPragma(db, 'wal_autocheckpoint', 0);
    // better-sqlite3's build silently lowers a WAL database to NORMAL unless FULL is asked for; VACUUM INTO syncs its
    // output at the level of the source's connection. https://sqlite.org/pragma.html#pragma_synchronous
    verifyPragma(db, 'synchronous', settings.synchronous === 'full' ? 2 : 0);
    // Nothing of a schema that somebody else wrote calls what can do harm. https://sqlite.org/security.html
    verifyPragma(db, 'trusted_schema', 0);
    verifyPragma(db, 'cell_size_check', 1);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Sets a pragma, reads it back, and refuses to go on with any other value. */
export function verifyPragma(db: NativeDatabase.Database, pragma: string, value: number): void {
  db.pragma(`${pragma}=${value}`);
  const found = db.pragma(pragma, { simple: true }) as number | undefined;
  if (found === value) return;
  throw new MaintenanceError(`SQLite answered ${pragma}=${found} instead of ${value} for ${db.name}.`, {
    details: { file: db.name, pragma, expected: value, found },
  });
}

/** SQLite waits for a writer where a FIFO has the name of a journal, and reads a device or a folder as a broken disk. */
function refuseIrregular(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    const path = `${file}${suffix}`;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    // The name of the database is canonical, so a link there came since; beside it SQLite follows none.
    if (stats === undefined || stats.isFile()) continue;
    throw new UntrustedFileError(`${path} is no regular file, so SQLite must not open ${file}.`, {
      hint: `Look at what stands there (ls -ld ${shellWord(path)}), and move it away.`,
      details: { file, path },
    });
  }
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
