/** The way of one backup, step by step, to a verified and synced file or to a `BackupError`. */
import { performance } from '../base/clock';
import { BackupError } from '../errors/refusals';
import { runJob } from '../maintenance/jobs-client';
import type { FoldJob } from '../maintenance/messages';
import { prepareBuild, copyToRemote } from './staging';
import { copyTo } from './copy';
import { checkDestination, type SourceFile } from './destination';
import { durableRename } from './durable-rename';
import { stepper, type BackupStep } from './steps';
import { resolveBackupOptions, type BackupOptions, type BackupResult } from './options';
import { locateSchema, type BackupSource, type SchemaPlace } from './source';
import type { BackupEnvironment } from './environment';
import { SyncAndHash } from './sync-and-hash';
import { removeTemporary } from './temporary';
import { verifyCopy } from './verify-copy';

export interface BackupContext extends BackupEnvironment {
  /** Called as each step begins. */
  readonly onStep?: ((step: BackupStep) => void) | undefined;
}

/**
 * Copies a database to `destination`, and resolves only when a verified, synced file stands there.
 *
 * Anything else rejects with `BackupError` (`details.step`, `details.destination`, the fault as `cause`); then the
 * destination is as it was, and no temporary file is left. Wrong arguments reject with `InvalidOptionError`.
 */
export async function backup(
  source: BackupSource,
  destination: string,
  given: BackupOptions | undefined | null,
  context: BackupContext,
): Promise<BackupResult> {
  const started = performance.now();
  const [path, options] = resolveBackupOptions(destination, given);
  const { signal } = options;
  const facts = { source: source.file, destination: path, method: options.method };
  const at = stepper<BackupStep>(BackupError, 'backup', facts, signal, context.onStep);

  const place = await at('source', () => locateSchema(source, options.attached));
  const target = await at('destination', () =>
    checkDestination(path, filesOf(source, place), options.overwrite, context.isOpenHere),
  );
  const build = await at('temporary', () => prepareBuild(place, target, context));
  const seal = new SyncAndHash(build.work, build.handle, signal);
  try {
    const copying = at('copy', () => copyTo(build.work, source, place, options));
    seal.accompany(copying);
    const copied = await copying;
    if (copied.method === 'online') await at('fold', () => runJob(foldOf(build.work, source)));
    // Checking reads the copy as a database, sealing as a file: they share its pages in memory, and run side by side.
    const [verified, sealed] = await settleBoth(
      at('verify', () => verifyCopy(build.work, source, place, copied, options)),
      at('seal', () => seal.finish()),
    );
    const { remote } = build;
    if (remote !== null) await at('transfer', () => copyToRemote(build.work, remote, sealed, signal));
    await at('publish', async () => {
      await build.handle.close();
      await durableRename(remote ?? build.work, target.path, build.aside);
    });
    return {
      path: target.path,
      bytes: sealed.bytes,
      pages: verified.header.pages,
      totalPages: verified.header.pages,
      remainingPages: 0,
      sha256: sealed.sha256,
      durationMs: performance.now() - started,
      method: copied.method,
      verified: options.verify,
      foreignKeyViolations: verified.foreignKeyViolations,
      sqliteVersion: verified.sqliteVersion,
      schemaVersion: verified.header.schemaVersion,
      userVersion: verified.header.userVersion,
    };
  } finally {
    await Promise.all(build.temporaries.map(removeTemporary));
    const closed = seal.close();
    if (signal?.aborted !== true) await closed;
  }
}

/** Waits for both, also when one fails: nothing may still be at work on a file that is about to be removed. */
async function settleBoth<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}

/** A copy made page by page carries the journal mode of its source; a backup stands alone, without a WAL. */
function foldOf(file: string, source: BackupSource): FoldJob {
  return { kind: 'fold', file, identity: null, nativeBinding: source.nativeBinding, busyTimeoutMs: 0 };
}

function filesOf(source: BackupSource, place: SchemaPlace): SourceFile[] {
  const main = source.file === null ? [] : [{ file: source.file, identity: source.identity }];
  return place.kind === 'file' ? [...main, place] : main;
}
