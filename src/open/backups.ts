/** `db.backup()`: the backup of `backup/`, told to the listeners of this database. */
import { backup } from '../backup/backup';
import type { BackupResult } from '../backup/result';
import type { BackupOptions } from '../backup/options';
import type { OpenDatabase } from './open-database';
import { surroundings } from './surroundings';

export async function backUp(
  { connection, identity }: OpenDatabase,
  destination: string,
  options: BackupOptions | undefined,
): Promise<BackupResult> {
  const { plan, native, hub } = connection;
  const { nativeBinding, timeout } = connection.options;
  const source = {
    native,
    file: plan.file,
    identity,
    nativeBinding: typeof nativeBinding === 'string' ? nativeBinding : undefined,
    busyTimeoutMs: timeout,
  };
  try {
    const result = await backup(source, destination, options, surroundings);
    const { path, bytes, pages, durationMs } = result;
    hub.publish('backup', { path, bytes, pages, durationMs });
    return result;
  } catch (error) {
    // Whatever it is, it is an error of this library or of the signal that the caller passed.
    hub.publish('backupFailed', { path: String(destination), error: error as Error });
    throw error;
  }
}
