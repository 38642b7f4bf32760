/** `restoreDatabase` with the checks of an open: nothing is restored to where it could not be opened safely. */
import { restoreDatabase as restore, type RestoreOptions, type RestoreReport } from '../backup/restore';
import { resolveOptions } from '../options/resolve';
import { locateFile, planGround } from './plan';
import { surroundings } from './surroundings';

/**
 * Puts a verified copy of the backup `from` in the place of the database `to`, which nobody may have open.
 *
 * The old database stays beside the new one under a dated name. Rejects with `RestoreError`, or with
 * `UnsafeFilesystemError` where the target could not be opened; the target is then as it was.
 */
export async function restoreDatabase(options: RestoreOptions): Promise<RestoreReport> {
  const target: unknown = (options as Partial<RestoreOptions> | undefined)?.to;
  if (typeof target === 'string' && target.trim() !== '') {
    const opened = resolveOptions(target, {});
    planGround(locateFile(target, opened), opened);
  }
  return restore(options, surroundings);
}
