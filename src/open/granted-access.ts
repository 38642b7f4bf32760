/** Refuses a database that the system let SQLite open for reading only, which SQLite reports at the first write alone. */
import { dirname } from 'node:path';
import { attributedAmong } from '../filesystem/linux/attributes';
import { openedForReadingError } from '../policy/preflight';
import { isOpenForReadingOnly } from '../proc/descriptors';
import { identityNow } from '../proc/path-identity';

/**
 * Call it once SQLite has read from `file`. SQLite falls back to reading where open(2) refuses to write (`unixOpen` in
 * os_unix.c): append-only files, AppArmor, Landlock. `/proc` shows how each file was opened.
 */
export function refuseIfReadOnly(file: string): void {
  if (process.platform !== 'linux') return;
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    const identity = identityNow(path);
    if (identity === null || !isOpenForReadingOnly(identity)) continue;
    throw openedForReadingError(file, path, attributedAmong([path, dirname(file)]));
  }
}
