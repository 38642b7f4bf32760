/** Judges the file that VACUUM INTO writes: like an attached file, and like the destination of a backup. */
import { sameFile } from '../base/file-identity';
import type { AroundCopy } from '../connection/sql-guard';
import { UnsafeFilesystemError, UnsafeStatementError } from '../errors/refusals';
import { withAdvice } from '../filesystem/refused-file';
import { inspectFilesystem } from '../filesystem/inspect';
import { identityAt, locate, type Location } from '../filesystem/locate';
import type { ResolvedOptions } from '../options/resolved';
import { registeredFiles } from '../registry/registry';
import { admitToRegistry } from './admit';
import { planFile, asCantOpen } from './plan';
import { refuseSidecarInStatement } from './sidecar-names';
import { remoteClasses } from '../backup/environment';
import { createEmpty, giveAtMost, removeEmpty } from '../filesystem/private-copy';

/**
 * SQLite opens the file, and closes it even if it then refuses it: closing the -shm of an open database would cancel
 * its locks, and a file under the name of a sidecar would be taken for one.
 */
export function vacuumIntoGuard(options: ResolvedOptions, files: () => readonly string[]): AroundCopy {
  const touchShared = options.dangerously.allowNetworkFilesystem !== null;
  // The copy is a new file, whatever this connection may do with its own.
  const written: ResolvedOptions = { ...options, readonly: false, fileMustExist: false, journalMode: 'auto' };
  return (filename, execute) => {
    if (filename === '' || filename === ':memory:') return execute();
    const location = asCantOpen(filename, () => locate(filename, { touchShared, exact: true }));
    // SQLite itself reports that it cannot open a file without a folder.
    if (!location.parentExists) return execute();
    refuseOpenFile(location);
    refuseSidecarInStatement(location.file, 'VACUUM INTO');
    planCopy(location, written);
    return executePrivately(location, files, () => {
      const admission = admitToRegistry(location, written, true);
      try {
        return execute();
      } finally {
        admission.release();
      }
    });
  };
}

/**
 * SQLite would create the copy with the access that the umask leaves, whatever the permissions of the database are. It fills an
 * empty file as it fills an absent one: it gets one that is closed to other users, and that has at most the access of the
 * databases of the connection afterwards.
 */
function executePrivately<Result>(
  { file, identity }: Location,
  files: () => readonly string[],
  execute: () => Result,
): Result {
  const created = identity === null && createEmpty(file);
  try {
    const result = execute();
    // Without a file there is nothing to be as private as.
    if (created) giveAtMost(file, files());
    return result;
  } catch (error) {
    const advice = withAdvice(error, file, 'vacuum into');
    if (created) removeEmpty(file);
    throw advice;
  }
}

function refuseOpenFile({ file, identity }: Location): void {
  for (const open of registeredFiles()) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) {
      const other = `${open.file}${suffix}`;
      const found = identity === null ? null : identityAt(other);
      if (other !== file && !(identity !== null && found !== null && sameFile(found, identity))) continue;
      const what = suffix === '' ? 'which is' : `which is the ${suffix} file of ${open.file},`;
      throw new UnsafeStatementError(`Refused VACUUM INTO ${file}, ${what} open as a database in this process.`, {
        hint: 'Name a file that does not exist yet.',
        details: { file, database: open.file },
      });
    }
  }
}

function planCopy(location: Location, options: ResolvedOptions): void {
  try {
    planFile(location, options);
  } catch (error) {
    if (!(error instanceof UnsafeFilesystemError && remoteClasses.has(inspectFilesystem(location.file).class)))
      throw error;
    throw new UnsafeFilesystemError(`VACUUM INTO would let SQLite write there. ${error.message}`, {
      hint: '`db.backup(file)` builds and verifies the copy on a local disk, and then copies it there.',
      details: error.details,
      cause: error,
    });
  }
}
