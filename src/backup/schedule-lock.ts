/** Lets one process at a time make the scheduled backup of a database, if several have the same schedule. */
import { FolderHandle } from '../filesystem/folder-handle';
import { lockFile, type FileLock } from './file-lock';

/**
 * Takes the schedule lock, and returns a function that releases it; `null` if another living process has it.
 *
 * It is a kernel lock on `.<name>.backup-lock`, which ends with its process, whatever ended it, in any container. A
 * file of another user there, or a filesystem without locks, does not prevent backups: two at once are two good ones.
 */
export async function takeScheduleLock(
  directory: string,
  name: string,
  nativeBinding?: string,
): Promise<(() => Promise<void>) | null> {
  const folder = FolderHandle.open(directory);
  let lock: FileLock | 'busy' | 'unusable';
  try {
    lock = lockFile(folder, `.${name}.backup-lock`, nativeBinding);
  } catch (error) {
    folder.close();
    throw folder.named(error);
  }
  if (lock === 'busy') folder.close();
  if (lock === 'busy') return null;
  return () => {
    if (lock !== 'unusable') lock.release();
    folder.close();
    return Promise.resolve();
  };
}
