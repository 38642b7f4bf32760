/**
 * Removes the sidecars that a killed job leaves beside a database that had none.
 *
 * SQLite makes a -wal and a -shm for each reader of a database in WAL mode, and the last connection to close removes them
 * (https://sqlite.org/walformat.html#the_wal_file). A killed process closes nothing.
 */
import { statSync } from 'node:fs';
import { startJobProcess, type JobProcessEvents, type ProcessJob } from './job-process';

/**
 * Opens and closes the database of a killed job that found no sidecars, if empty ones are there now; calls `over` in any case.
 *
 * A process does it, as it did the job: a schema that makes SQLite work for ever must not stop the application. If it fails,
 * the sidecars stay, as after any program that is killed, and the next open removes them.
 */
export function removeLeftSidecars(job: ProcessJob, keepAlive: boolean, over: () => void): void {
  if (job.kind === 'fold' || job.access !== 'read-write') return over();
  const file = job.file.trim();
  if (!sidecarsAreEmpty(file)) return over();
  const { identity, nativeBinding, access } = job;
  const reader = { kind: 'verify', level: 'header', file: job.file, identity, nativeBinding, access } as const;
  const events: JobProcessEvents = { keepAlive, onMessage: () => {}, onLost: () => {}, onOver: over };
  try {
    startJobProcess({ ...reader, busyTimeoutMs: 0 }, events);
  } catch {
    over();
  }
}

/**
 * True if no file beside the database holds a commit: there is no journal, and the -wal is empty. A connection with the right to
 * write then has nothing to copy into the database, and removes the sidecars when it is the last to close.
 */
function sidecarsAreEmpty(file: string): boolean {
  return bytesOf(`${file}-journal`) === null && bytesOf(`${file}-wal`) === 0;
}

/** Returns the size of a file; `null` if the file does not exist, or its folder cannot be searched. */
function bytesOf(path: string): number | null {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size ?? null;
  } catch {
    return null;
  }
}
