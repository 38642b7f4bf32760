/** Syncs a database through a descriptor that SQLite has open on it: this library opens none of its own. */
import { fsyncSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../../base/file-identity';
import { NativeSqliteError } from '../../native/sqlite-error';
import { descriptorsOn, inspectDescriptor } from '../../proc/descriptors';

/**
 * Does nothing where the system does not show the descriptors of a process (macOS, Windows, gVisor).
 *
 * @throws SQLITE_IOERR_FSYNC, as SQLite itself calls every failure of fsync(2): the kernel may have dropped what it could
 *   not write, and says so once
 */
export function syncDatabase(database: FileIdentity): void {
  const scan = descriptorsOn(database);
  if (!scan.supported) return;
  for (const { fd } of scan.descriptors) if (sync(fd, database)) return;
}

/** False when another thread has closed the descriptor meanwhile; its number may be another file's by now. */
function sync(fd: number, database: FileIdentity): boolean {
  try {
    fsyncSync(fd);
    return true;
  } catch (cause) {
    const now = inspectDescriptor(fd);
    if (now === null || !sameFile(now.identity, database)) return false;
    throw Object.assign(new NativeSqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC'), { cause });
  }
}
