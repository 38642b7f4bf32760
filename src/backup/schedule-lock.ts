/** Lets one process at a time make the scheduled backup of a database, when several have the same schedule. */
import { FolderHandle } from '../filesystem/folder-handle';
import { lockFile, type FileLock } from './file-lock';

/**
 * Takes the turn, and returns how to give it back; `null` when another living process has it.
 *
 * The turn is a lock of the kernel on `.<name>.backup-lock`: it ends with its process, however that ends, in whatever
 * container it was. A file of another user there, or a filesystem without locks, keeps nobody from making backups: two at
 * once are two good ones.
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
