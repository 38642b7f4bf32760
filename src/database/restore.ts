/** Implements `restoreDatabase` with the checks of an open: it restores only to places that could be opened safely. */
import { renameSync } from 'node:fs';
import { errorMessage } from '../base/foreign-error';
import { RestoreError } from '../errors/refusals';
import type * as Restore from '../backup/restore/restore';
import type { RestoreContext, RestoreOptions, RestoreReport } from '../backup/restore/restore';
import { fenceMarkerPath, hasFenceMarker, removeFenceMarker } from '../filesystem/fence-marker';
import { resolveOptions } from '../options/resolve';
import { locateFile, planByFilesystem } from '../open/plan';
import { backupEnvironment } from '../backup/environment';

/**
 * Replaces the database `to`, which no process may have open, by a verified copy of the backup `from`.
 *
 * The old database stays beside the new one under a dated name, and so does its fence. Rejects with `RestoreError`, or
 * with `UnsafeFilesystemError` if the target could not be opened; the target is then unchanged.
 */
export function restoreDatabase(options: RestoreOptions): Promise<RestoreReport> {
  return restoreWatched(options, {});
}

/** The same for a program that shows how far it is. */
export async function restoreWatched(
  options: RestoreOptions,
  watch: Pick<RestoreContext, 'onCopied' | 'onStep'>,
): Promise<RestoreReport> {
  const target: unknown = (options as Partial<RestoreOptions> | undefined)?.to;
  if (typeof target === 'string' && target.trim() !== '') {
    const opened = resolveOptions(target, {});
    planByFilesystem(locateFile(target, opened), opened);
  }
  // Loaded on demand: most programs never restore.
  const { restoreDatabase: restore } = require('../backup/restore/restore') as typeof Restore;
  const report = await restore(options, { ...backupEnvironment, ...watch });
  moveFence(report);
  return report;
}

/**
 * The fence belongs to the old files, and stays with them. Moved by a rename, which follows no link: a user who may
 * write in the folder can predict the name, and put a link to another file there.
 */
function moveFence({ path, kept }: RestoreReport): void {
  if (!hasFenceMarker(path)) return;
  const old = kept.find(each => !each.endsWith('-wal') && !each.endsWith('-journal') && !each.endsWith('-shm'));
  try {
    if (old === undefined) removeFenceMarker(path);
    else renameSync(fenceMarkerPath(path), fenceMarkerPath(old));
  } catch (error) {
    throw new RestoreError(
      `The backup is restored to ${path}, but its fence could not be moved away: ${errorMessage(error)}`,
      {
        hint: 'The new database is complete. Run `npx safe-sqlite doctor` on it: it names the fence and how to clear it.',
        details: { path },
        cause: error,
      },
    );
  }
}
