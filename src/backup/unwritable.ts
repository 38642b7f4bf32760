/** Reads a database that SQLite cannot open for want of a right to write beside it: from a copy of its bytes, where it can. */
import { accessSync, constants, statSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { isSqliteFailure } from '../errors/translate';
import { runJob } from '../maintenance/jobs-client';
import type { CopyResult, VerifyLevel, VerifyResult } from '../maintenance/messages';
import { backupEnvironment } from './environment';
import { sidecarsOf } from './place';
import { requireRoom } from './room';
import { StagingFolder } from './staging-folder';

/**
 * A database in WAL mode needs a `-shm` beside it, and a hot journal has to be rolled back, also for reading; on a read-only
 * medium, or in a folder of another user, neither can be done. https://sqlite.org/wal.html#read_only_databases
 *
 * Only without a `-shm`: with one a process may be writing, and the bytes could belong to two different states.
 */
export function needsCopy(error: unknown, file: string): boolean {
  if (!isSqliteFailure(error) || !/^SQLITE_(?:CANTOPEN|READONLY)/.test(error.code)) return false;
  if (sidecarsOf(file).includes(`${file}-shm`)) return false;
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  // To close a descriptor of a file that this process has open would end SQLite's locks on it.
  return (
    found !== undefined && !backupEnvironment.isOpenHere(found) && may(file, constants.R_OK) && !mayWriteBeside(file)
  );
}

function mayWriteBeside(file: string): boolean {
  return may(dirname(file), constants.W_OK | constants.X_OK) && may(file, constants.W_OK);
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Copies the database with its -wal and -journal to `work`, and says what SQLite reads there. Rejects with `first` when it changed meanwhile. */
export async function copyBytes(file: string, work: string, first: unknown): Promise<CopyResult> {
  const before = stateOf(file);
  for (const { path } of before) {
    const to = `${work}${path.slice(file.length)}`;
    await copyFile(path, to);
    await chmod(to, 0o600);
  }
  if (JSON.stringify(stateOf(file)) !== JSON.stringify(before)) throw first;
  const { header, problems, durationMs } = await runJob({
    kind: 'verify',
    file: work,
    identity: null,
    level: 'header',
    busyTimeoutMs: 0,
    access: 'read-write',
  });
  return {
    sourceHeaders: header === null ? [] : [header],
    copiedPages: null,
    missing: problems[0] ?? null,
    durationMs,
  };
}

/** Checks a copy of the database in the folder for temporary files, which is removed again. */
export async function verifyBytes(
  file: string,
  level: VerifyLevel,
  first: unknown,
  signal: AbortSignal | undefined,
): Promise<VerifyResult> {
  requireRoom({ folder: tmpdir(), source: file, service: null, reserveBytes: 0 });
  const staging = StagingFolder.create(tmpdir(), { locks: true });
  try {
    const work = staging.path(basename(file));
    await copyBytes(file, work, first);
    return await runJob({ kind: 'verify', file: work, identity: null, level, busyTimeoutMs: 0 }, { signal });
  } finally {
    await staging.remove();
  }
}

interface FileState {
  readonly path: string;
  readonly size: number;
  readonly changed: number;
}

function stateOf(file: string): readonly FileState[] {
  return [file, ...sidecarsOf(file)].map(path => {
    const { size, mtimeMs } = statSync(path);
    return { path, size, changed: mtimeMs };
  });
}
