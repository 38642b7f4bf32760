/** Syncs a database through a descriptor that SQLite has open on it: this library opens none of its own. */
import { fsyncSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../../base/file-identity';
import { errorCode, errorMessage } from '../../base/foreign-error';
import { NativeSqliteError } from '../../native/sqlite-error';
import { descriptorsOn, inspectDescriptor } from '../../proc/descriptors';

/**
 * Does nothing where the system does not show the descriptors of a process (macOS, Windows, gVisor).
 *
 * Another thread may close a descriptor between the look and the sync, and its number may be another file's then. To sync
 * that one harms nobody, and the database is synced by the checkpoint that completes, as if this had not been called. A
 * failure there is not one of the database, but it is said once, and whoever owns that file will not hear of it.
 *
 * @throws SQLITE_IOERR_FSYNC, as SQLite itself calls every failure of fsync(2): the kernel may have dropped what it could
 *   not write, and says so once. The error of the system, with the path, where it was another file that failed
 */
export function syncDatabase(database: FileIdentity): void {
  const scan = descriptorsOn(database);
  if (!scan.supported) return;
  for (const { fd } of scan.descriptors) if (sync(fd, database)) return;
}

/** False when another thread has closed the descriptor meanwhile. */
function sync(fd: number, database: FileIdentity): boolean {
  try {
    fsyncSync(fd);
    return true;
  } catch (cause) {
    const now = inspectDescriptor(fd);
    // Closed, or something that cannot be synced (a socket, a pipe): nothing was lost.
    if (now === null || errorCode(cause) === 'EBADF' || errorCode(cause) === 'EINVAL') return false;
    if (sameFile(now.identity, database)) {
      throw Object.assign(new NativeSqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'), { cause });
    }
    const message = `fsync of ${now.path} failed, which is no file of this database: ${errorMessage(cause)}`;
    throw Object.assign(new Error(message), { code: errorCode(cause), syscall: 'fsync', cause });
  }
}
