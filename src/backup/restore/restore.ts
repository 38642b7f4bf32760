/** Runs one restore step by step, to the verified database in its place or to a `RestoreError`. */
import { basename, dirname, join } from 'node:path';
import { performance, wallClockNow } from '../../base/clock';
import { RestoreError } from '../../errors/refusals';
import type { CopyProgress, VerifyLevel } from '../../maintenance/messages';
import { choiceOption, integerOption, refuseCredentials, refuseOption } from '../../options/checks';
import { checkOptionNames } from '../../options/option-names';
import { settleBoth, stepper, type RestoreStep } from '../steps';
import { accessFor, checkInPlace, copyBackup, foldTarget, verifyBackup, type RestoredAccess } from './steps';
import { checkGround } from './target';
import { hashOf, SyncAndHash } from '../sync-and-hash';
import type { BackupEnvironment } from '../environment';
import { stampOf } from '../folder';
import { swapBroken, swapWhole, takeBack } from './replace-database';
import { requireRoom, withRoom } from '../room';
import { carryOver, giveAccess, prepareBuild } from '../staging';

export interface RestoreOptions {
  /** The backup. It is only read. */
  from: string;
  /** The database to replace, or a new file. */
  to: string;
  /** How the backup is checked before anything is changed. Default `'full'`. */
  verify?: VerifyLevel | undefined;
  /**
   * Bytes that stay free on the filesystem of the database; a restore that would take them is not begun, or is stopped. Default:
   * 5 % of the filesystem (1 GiB at most) or 8 MB, whichever is more.
   */
  reserveBytes?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface RestoreReport {
  /** Canonical path of the restored database. */
  readonly path: string;
  /** Canonical path of the backup. */
  readonly from: string;
  /** The old database and its sidecars, under the dated name; empty if there was none. */
  readonly kept: readonly string[];
  readonly bytes: number;
  readonly pages: number;
  /** Of the restored database. Its header counts the copying as a change, so it differs from that of the backup. */
  readonly sha256: string;
  /**
   * Of the backup file, without its `-wal`: what `db.backup()`, `npx safe-sqlite backup` and the manifest say of it, as long as
   * it is unchanged. `null` for a backup that this process has open.
   */
  readonly fromSha256: string | null;
  /** The check that was made; shallower than asked for where `unchecked` says why. */
  readonly verified: VerifyLevel | 'partial';
  /** What could not be checked without the functions of the application; empty if everything was. */
  readonly unchecked: readonly string[];
  /** Owner and permissions of the restored database, and their source. */
  readonly access: RestoredAccess;
  /** Rows that refer to a row that does not exist; `null` if not counted. */
  readonly foreignKeyViolations: number | null;
  readonly durationMs: number;
}

export interface RestoreContext extends Pick<BackupEnvironment, 'isOpenHere'> {
  /** Called as the copy of the backup grows. */
  readonly onCopied?: ((progress: CopyProgress) => void) | undefined;
  /** Called as each step begins. */
  readonly onStep?: ((step: RestoreStep) => void) | undefined;
}

const names = ['from', 'to', 'verify', 'reserveBytes', 'signal'] as const;

/**
 * Replaces a database that no process has open by a verified copy of a backup.
 *
 * Rejects with `RestoreError` (`details.step`); then the target is unchanged. The old database stays beside the new one
 * as `<name>.before-restore-<time>`: delete it when you no longer need it.
 */
export async function restoreDatabase(options: RestoreOptions, context: RestoreContext): Promise<RestoreReport> {
  const started = performance.now();
  const { from, to, verify: level, reserveBytes, signal } = checkOptions(options);
  const facts = { from, to };
  const at = stepper<RestoreStep>(RestoreError, 'restore', facts, signal, context.onStep);
  // Once the exchange has begun, an abort would leave it half done.
  const finish = stepper<RestoreStep>(RestoreError, 'restore', facts, undefined, context.onStep);

  const ground = await at('target', () => checkGround(from, to, context.isOpenHere));
  const target = ground.to;
  const access = await accessFor(ground);
  const build = await at('temporary', () =>
    prepareBuild({ path: target.path, source: null }, { isNetwork: () => false }),
  );
  const { work, handle, carried, publish } = build;
  const seal = new SyncAndHash(work, handle, signal);
  try {
    const copying = at('copy', () => {
      build.check();
      const room = { source: ground.from.path, service: target.folder, reserveBytes, of: 'restore' } as const;
      if (carried !== null) requireRoom({ ...room, folder: target.folder });
      return withRoom({ ...room, folder: dirname(dirname(work)) }, signal, each =>
        copyBackup(ground, work, each, context.onCopied),
      );
    });
    seal.accompany(copying);
    const copied = await copying;
    const [verified, fromSha256] = await at('verify', () => {
      build.check();
      const hashed = context.isOpenHere(ground.from.facts) ? null : hashOf(ground.from.path, signal);
      return settleBoth(verifyBackup(work, copied, level, signal), Promise.resolve(hashed));
    });
    const sealed = await at('seal', async () => {
      await giveAccess({ handle, path: work }, access, true);
      const content = await seal.finish();
      build.check();
      if (carried !== null) {
        await carryOver(work, carried.path, content, signal);
        await giveAccess(carried, access, true);
        await carried.handle.close();
      }
      // Before the file becomes the database: a later close would cancel the locks of the first process to open it.
      await handle.close();
      return content;
    });
    const keptName = `${basename(target.path)}.before-restore-${stampOf(wallClockNow())}`;
    const kept = join(target.folder, keptName);
    const state = await at('fold', () => foldTarget(target, kept, context.isOpenHere));
    const exchange = { finished: publish.from, to: target, folder: publish.folder, keptName };
    const swap = await finish('swap', async () => {
      const done = await (state === 'whole' ? swapWhole(exchange) : swapBroken(exchange, state === 'broken'));
      try {
        publish.checkPlaced();
      } catch (error) {
        await takeBack(done.undo, error, target.path, kept);
      }
      return done;
    });
    await finish('check', () => checkInPlace(target, swap));
    return {
      path: target.path,
      from: ground.from.path,
      kept: swap.kept,
      bytes: sealed.bytes,
      pages: verified.header.pages,
      sha256: sealed.sha256,
      fromSha256,
      verified: verified.checked ?? level,
      unchecked: verified.unchecked,
      access,
      foreignKeyViolations: verified.foreignKeyViolations,
      durationMs: performance.now() - started,
    };
  } finally {
    await build.remove();
    const closed = seal.close();
    if (signal?.aborted !== true) await closed;
  }
}

/** Checked, with the defaults. */
type ResolvedRestore = Omit<RestoreOptions, 'verify' | 'reserveBytes'> & {
  readonly verify: VerifyLevel;
  readonly reserveBytes: number | null;
};

function checkOptions(given: RestoreOptions): ResolvedRestore {
  if (typeof given !== 'object' || given === null) refuseOption('options', 'an object with `from` and `to`', given);
  checkOptionNames(given, names, 'restore');
  for (const name of ['from', 'to'] as const) {
    const path: unknown = given[name];
    if (typeof path !== 'string' || path.trim() === '') refuseOption(name, 'the path of a database file', path);
    refuseCredentials(name, path);
  }
  const { signal } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal)) refuseOption('signal', 'an AbortSignal', signal);
  const verify = choiceOption('verify', given.verify, 'full', ['quick', 'full']);
  const reserveBytes =
    given.reserveBytes === undefined
      ? null
      : integerOption('reserveBytes', given.reserveBytes, 0, 0, Number.MAX_SAFE_INTEGER);
  return { ...given, verify, reserveBytes };
}
