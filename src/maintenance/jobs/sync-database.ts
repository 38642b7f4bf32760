/** Syncs a database through a descriptor that SQLite has open on it; this library opens none of its own. */
import { fsyncSync } from 'node:fs';
import { isRestricted } from '../../base/descriptor-calls';
import { sameFile, type FileIdentity } from '../../base/file-identity';
import { errorCode, errorMessage } from '../../base/foreign-error';
import { NativeSqliteError } from '../../native/sqlite-error';
import { descriptorsOn, inspectDescriptor } from '../../proc/descriptors';

/**
 * Does nothing where the system does not show the descriptors of a process (macOS, Windows, gVisor).
 *
 * Another thread may close a descriptor between the check and the sync, and its number may then belong to another file.
 * Syncing that one is harmless, and the completing checkpoint syncs the database in any case. A failure there does not
 * concern the database, but it is reported once, and the owner of that file will not see it.
 *
 * @throws SQLITE_IOERR_FSYNC, as SQLite itself reports every failure of fsync(2): the kernel may have dropped the data
 *   that it could not write, and reports that once. The system's error, with the path, if another file failed
 */
export function syncDatabase(database: FileIdentity): void {
  // Node's permission model allows no sync by descriptor: as where the system shows no descriptors.
  if (isRestricted()) return;
  const scan = descriptorsOn(database);
  if (!scan.supported) return;
  for (const { fd } of scan.descriptors) if (sync(fd, database)) return;
}

/** Returns false if another thread has closed the descriptor meanwhile. */
function sync(fd: number, database: FileIdentity): boolean {
  try {
    fsyncSync(fd);
    return true;
  } catch (cause) {
    const now = inspectDescriptor(fd);
    // Closed, or not syncable (a socket, a pipe): nothing was lost.
    if (now === null || errorCode(cause) === 'EBADF' || errorCode(cause) === 'EINVAL') return false;
    if (sameFile(now.identity, database)) {
      throw Object.assign(new NativeSqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'), { cause });
    }
    const message = `fsync of ${now.path} failed; it is not a file of this database: ${errorMessage(cause)}`;
    throw Object.assign(new Error(message), { code: errorCode(cause), syscall: 'fsync', cause });
  }
}
