/** Refuses a database that the system let SQLite open for reading only, which SQLite reports at the first write alone. */
import { dirname } from 'node:path';
import { attributedAmong } from '../filesystem/linux/attributes';
import { openedForReadingError } from '../policy/preflight';
import { isOpenForReadingOnly } from '../proc/descriptors';
import type { OpenedFiles } from '../proc/opened-files';

/**
 * Call it once SQLite has read from `file`. SQLite falls back to reading where open(2) refuses to write (`unixOpen` in
 * os_unix.c): append-only files, AppArmor, Landlock. `/proc` shows how each file was opened. A sidecar that cannot be written
 * is no reason: the database can be read, and the write that fails names the sidecar.
 */
export function refuseIfReadOnly(file: string, { identity, newest, readers }: OpenedFiles): void {
  if (process.platform !== 'linux') return;
  if (identity === null || !isOpenForReadingOnly(identity, newest, fd => readers.flagsOf(fd))) return;
  throw openedForReadingError(file, attributedAmong([file, dirname(file)]));
}
