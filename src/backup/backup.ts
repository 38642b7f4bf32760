/** Runs one backup step by step, to a verified and synced file or to a `BackupError`. */
import { performance } from '../base/clock';
import { dirname } from 'node:path';
import { BackupError } from '../errors/refusals';
import { runJob } from '../maintenance/jobs-client';
import type { FileContent, FoldJob, HeaderFacts } from '../maintenance/messages';
import { accessOfCopy, carryOver, giveAccess, prepareBuild } from './staging';
import { copyTo } from './copy';
import { checkDestination, refuseInUse, type SourceFile } from './destination';
import { durableRename } from './durable-rename';
import { settleBoth, stepper, type BackupStep } from './steps';
import { resolveBackupOptions, type BackupMethod, type BackupOptions, type BackupResult } from './options';
import { locateSchema, type BackupSource, type SchemaPlace } from './source';
import type { BackupEnvironment } from './environment';
import { requireRoom, withRoom } from './room';
import { SyncAndHash } from './sync-and-hash';
import { refuseDamage, unsoundCopy, verifyCopy, type VerifiedCopy } from './verify-copy';

export interface BackupContext extends BackupEnvironment {
  /** The named method is a default, not the choice of a user: another one may be used. */
  readonly mayFallBack?: boolean | undefined;
  /** Called as each step begins. */
  readonly onStep?: ((step: BackupStep) => void) | undefined;
  /** Called when the copy is finished, just before it takes its name; a rejection keeps it from that. */
  readonly onFinished?: ((result: BackupResult) => Promise<void>) | undefined;
}

/**
 * Copies a database to `destination`, and resolves only once a verified, synced file is in place.
 *
 * Otherwise it rejects with `BackupError` (`details.step`, `details.destination`, the fault as `cause`); then the
 * destination is unchanged, and no temporary file is left. Wrong arguments reject with `InvalidOptionError`.
 */
export async function backup(
  source: BackupSource,
  destination: string,
  given: BackupOptions | undefined | null,
  context: BackupContext,
): Promise<BackupResult> {
  const started = performance.now();
  const [path, resolved] = resolveBackupOptions(destination, given);
  const options = context.mayFallBack === true ? { ...resolved, mayFallBack: true } : resolved;
  const { signal } = options;
  const facts = { source: source.file, destination: path, method: options.method };
  const at = stepper<BackupStep>(BackupError, 'backup', facts, signal, context.onStep);

  const place = await at('source', () => locateSchema(source, options.attached));
  const target = await at('destination', () =>
    checkDestination(path, filesOf(source, place), options.replaces, context.isOpenHere),
  );
  const sourceFile = place.kind === 'file' ? place.file : null;
  const build = await at('temporary', () =>
    prepareBuild({ path: target.path, source: sourceFile, nativeBinding: source.nativeBinding }, context),
  );
  const seal = new SyncAndHash(build.work, build.handle, signal);
  try {
    const copying = at('copy', async () => {
      build.check();
      const { reserveBytes } = options;
      const room = { source: sourceFile, service: source.file, walBytes: source.walBytes, reserveBytes };
      if (build.carried !== null) requireRoom({ ...room, folder: target.folder });
      return withRoom({ ...room, folder: dirname(dirname(build.work)) }, signal, each =>
        refuseDamage(copyTo(build.work, source, place, { ...options, signal: each }), 'the database', unsoundCopy),
      );
    });
    seal.accompany(copying);
    const copied = await copying;
    if (copied.method === 'online')
      await at('fold', () => refuseDamage(runJob(foldOf(build.work, source)), 'it', unsoundCopy));
    // The check reads the copy as a database, the hash as a file: they share its pages in memory, and run side by side.
    const [verified, sealed] = await settleBoth(
      at('verify', () => {
        build.check();
        return verifyCopy(build.work, source, place, copied, options);
      }),
      at('seal', async () => {
        await giveAccess({ handle: build.handle, path: build.work }, await accessOfCopy(sourceFile, build), false);
        return seal.finish();
      }),
    );
    const { carried, publish } = build;
    const confirm = (): void => {
      build.check();
      refuseOtherSize(verified.header, sealed);
    };
    if (carried !== null) {
      await at('transfer', async () => {
        confirm();
        await carryOver(build.work, carried.path, sealed, signal);
        await giveAccess(carried, await accessOfCopy(sourceFile, build), false);
      });
    }
    const result = resultOf(target.path, copied, verified, sealed, started);
    await at('publish', async () => {
      confirm();
      await context.onFinished?.(result);
      if (target.replaces) await refuseInUse(target.path, context.isOpenHere);
      await build.handle.close();
      await carried?.handle.close();
      try {
        await durableRename(publish.from, publish.to, target.replaces ? publish.aside : null, () =>
          publish.folder.sync(),
        );
        publish.checkPlaced();
      } catch (error) {
        throw build.named(error);
      }
    });
    return { ...result, durationMs: performance.now() - started };
  } finally {
    await build.remove();
    const closed = seal.close();
    if (signal?.aborted !== true) await closed;
  }
}

/** `started`: when the backup was, by the monotonic clock. */
function resultOf(
  path: string,
  { method }: { readonly method: BackupMethod },
  verified: VerifiedCopy,
  sealed: FileContent,
  started: number,
): BackupResult {
  return {
    path,
    bytes: sealed.bytes,
    pages: verified.header.pages,
    totalPages: verified.header.pages,
    remainingPages: 0,
    sha256: sealed.sha256,
    durationMs: performance.now() - started,
    method,
    verified: verified.checked ?? 'off',
    unchecked: verified.unchecked,
    foreignKeyViolations: verified.foreignKeyViolations,
    sqliteVersion: verified.sqliteVersion,
    schemaVersion: verified.header.schemaVersion,
    userVersion: verified.header.userVersion,
  };
}

/** Compares the file checked by its name with the file hashed by its descriptor: the pages make up the bytes. */
function refuseOtherSize({ pages, pageSize }: HeaderFacts, { bytes }: FileContent): void {
  if (bytes === pages * pageSize) return;
  throw new BackupError(`The copy has ${bytes} bytes, and ${pages} pages of ${pageSize} bytes were checked.`, {
    details: { bytes, pages, pageSize },
  });
}

/** A copy made page by page has the journal mode of its source; a backup is a single file, without a WAL. */
function foldOf(file: string, source: BackupSource): FoldJob {
  return { kind: 'fold', file, identity: null, nativeBinding: source.nativeBinding, busyTimeoutMs: 0 };
}

function filesOf(source: BackupSource, place: SchemaPlace): SourceFile[] {
  const main = source.file === null ? [] : [{ file: source.file, identity: source.identity }];
  return place.kind === 'file' ? [...main, place] : main;
}
