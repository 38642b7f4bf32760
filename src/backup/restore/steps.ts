/** Implements the steps of a restore that read and check; those that change the target are in replace-database.ts. */
import { copyFileSync, constants, lstatSync, rmSync, statSync } from 'node:fs';
import { RestoreError } from '../../errors/refusals';
import { SqliteCorruptError, SqliteNotADatabaseError } from '../../errors/sqlite-errors';
import { modeWithoutGroup } from '../../filesystem/access-list';
import { hasFenceMarker } from '../../filesystem/fence-marker';
import { startJob, runJob } from '../../maintenance/jobs-client';
import type { CopyProgress, CopyResult, HeaderFacts, VerifyLevel, VerifyResult } from '../../maintenance/messages';
import { firstProblems, problemsOfCopy, refuseDamage } from '../verify-copy';
import { noHardLinks, tryLink } from '../durable-rename';
import { accessWithList, type Access } from '../staging';
import { identityOf, readAccess, sidecarsOf, type PlacedFile } from '../place';
import { refuseOpen, type RestoreGround } from './target';
import type { BackupEnvironment } from '../environment';
import { copyBytes, needsCopy } from '../unwritable';
import { takeBack, type Swap } from './replace-database';

/** How long a read of the backup waits for a lock, in milliseconds: the default of a statement. */
const readTimeoutMs = 5000;
/** How long to wait for exclusive access to the old database, in milliseconds: either it is free or it is in use. */
const foldTimeoutMs = 100;

/** Access rights of the restored database, and the reason. */
export interface RestoredAccess extends Access {
  readonly reason: 'as the old database' | 'owner of the folder' | 'as the backup';
  /**
   * The file that the access is taken from has an access control list (`getfacl` shows it), which is not copied: the restored
   * database is for its owner alone until the list is given again (`setfacl`). `null`: unknown on this system.
   */
  readonly accessList: boolean | null;
}

/**
 * Returns the access of the old database; for a missing one that of the backup, and, if root restores, the owner of the
 * folder: the service that lost the file most likely runs as that user.
 */
export async function accessFor({ from, to }: RestoreGround): Promise<RestoredAccess> {
  if (to.facts !== null) {
    const { access, list } = await accessWithList(to.path, to.facts);
    return { ...access, reason: 'as the old database', accessList: list };
  }
  const { access, list } = await accessWithList(from.path, from.facts);
  if (process.geteuid?.() !== 0) return { ...access, reason: 'as the backup', accessList: list };
  const { uid, gid } = statSync(to.folder);
  // Another group is not given what that of the backup may do.
  const mode = gid === access.gid ? access.mode : modeWithoutGroup(access.mode);
  return { uid, gid, mode, reason: 'owner of the folder', accessList: list };
}

/** Copies the backup page by page, including its own WAL, and leaves the copy as one file. */
export async function copyBackup(
  { from }: RestoreGround,
  work: string,
  signal: AbortSignal | undefined,
  onCopied: ((progress: CopyProgress) => void) | undefined,
): Promise<CopyResult> {
  const copy = startJob(
    {
      kind: 'online-backup',
      file: from.path,
      identity: identityOf(from.facts),
      destination: work,
      busyTimeoutMs: readTimeoutMs,
      pagesPerSecond: null,
      steered: false,
      access: readAccess(from),
      foreign: true,
    },
    { signal, onProgress: report => (report.step === 'copied' ? onCopied?.(report) : undefined) },
  );
  const copyAndFold = async (): Promise<CopyResult> => {
    const copied = await copy.result.catch((error: unknown) => {
      if (!needsCopy(error, from.path)) throw error;
      return copyBytes(from.path, work, error);
    });
    await runJob({ kind: 'fold', file: work, identity: null, busyTimeoutMs: readTimeoutMs, foreign: true }, { signal });
    return copied;
  };
  try {
    return await refuseDamage(copyAndFold(), 'it', unsoundBackup);
  } finally {
    await copy.over;
  }
}

/** Refuses a damaged backup, before the target is changed. */
export async function verifyBackup(
  work: string,
  copied: CopyResult,
  level: VerifyLevel,
  signal: AbortSignal | undefined,
): Promise<VerifyResult & { readonly header: HeaderFacts }> {
  const verified = await runJob(
    { kind: 'verify', file: work, identity: null, level, busyTimeoutMs: readTimeoutMs },
    { signal },
  );
  const { header } = verified;
  const problems = [...problemsOfCopy(copied, verified)];
  // A copy of an empty file is a valid database without tables; as a backup it is the trace of a failed copy.
  if (copied.sourceHeaders[0]?.pages === 0) problems.push('it is empty');
  if (header !== null && problems.length === 0) return { ...verified, header };
  throw unsoundBackup(problems);
}

/** Damage of the backup that was found by reading it (`cause`) fails the step of the check as well. */
function unsoundBackup(problems: readonly string[], cause?: unknown): RestoreError {
  return new RestoreError(`The backup is not sound: ${firstProblems(problems)}.`, {
    hint: 'Nothing was changed. Restore another backup: `npx safe-sqlite verify` tells which one is sound.',
    details: { step: 'verify', problems },
    cause,
  });
}

/** The state of the old database, after SQLite has tried to make one file of it. */
export type TargetState = 'none' | 'whole' | 'broken';

/**
 * Makes the old database one complete file, without a WAL or a journal that belongs to it.
 *
 * Damage does not stop a restore, which is what a damaged database needs; a lock, a full disk or a failing one does.
 */
export async function foldTarget(
  target: PlacedFile,
  kept: string,
  isOpenHere: BackupEnvironment['isOpenHere'],
): Promise<TargetState> {
  const found = statSync(target.path, { bigint: true, throwIfNoEntry: false });
  if (found === undefined) return 'none';
  // The copy took time: check again.
  refuseOpen(target.path, found, isOpenHere);
  // SQLite deletes a journal beside an empty file instead of recovering it (pager.c, hasHotJournal).
  if (found.size === 0n) return 'broken';
  // A checkpoint after a disk fault may copy frames that no longer exist.
  if (hasFenceMarker(target.path)) return 'broken';
  const job = { file: target.path, identity: identityOf(found), busyTimeoutMs: foldTimeoutMs };
  // Only a connection that may write can recover a journal, and it deletes the journal of a file that it cannot read:
  // the sidecars keep a second name as evidence until SQLite has succeeded.
  const preserved: string[] = [];
  let state: TargetState = 'none';
  try {
    await preserve(target, kept, preserved);
    await runJob({ kind: 'fold', ...job, foreign: true });
    state = sidecarsOf(target.path).length === 0 ? 'whole' : 'broken';
  } catch (error) {
    if (!(error instanceof SqliteCorruptError || error instanceof SqliteNotADatabaseError)) throw error;
    state = 'broken';
  } finally {
    if (state !== 'broken') for (const name of preserved) removeSecondName(name);
  }
  return state;
}

/**
 * Gives the sidecars of a database second names, if the filesystem has hard links, and adds them to `names`.
 *
 * On Windows it copies: a second name of an open file can neither be removed nor replaced there. The index in the -shm
 * is rebuilt from the -wal.
 */
async function preserve(target: PlacedFile, kept: string, names: string[]): Promise<void> {
  for (const path of sidecarsOf(target.path)) {
    const suffix = path.slice(target.path.length);
    const name = `${kept}${suffix}`;
    if (process.platform === 'win32') {
      if (suffix === '-shm') continue;
      names.push(name);
      copyFileSync(path, name, constants.COPYFILE_EXCL);
    } else if (await tryLink(path, name, noHardLinks)) names.push(name);
  }
}

/** The doctor reports what cannot be removed; the pending error matters more. */
function removeSecondName(name: string): void {
  try {
    rmSync(name, { force: true });
  } catch {
    // As above.
  }
}

/** Opens the restored database in place, and puts the old one back if that fails. */
export async function checkInPlace(target: PlacedFile, swap: Swap): Promise<void> {
  try {
    const identity = identityOf(lstatSync(target.path, { bigint: true }));
    const checked = await runJob({
      kind: 'verify',
      file: target.path,
      identity,
      level: 'quick',
      busyTimeoutMs: readTimeoutMs,
    });
    if (checked.problems.length === 0) return;
    throw new RestoreError(`The restored database is not sound in its place: ${firstProblems(checked.problems)}.`, {
      details: { problems: checked.problems },
    });
  } catch (error) {
    await takeBack(swap.undo, error, target.path, swap.kept[0] ?? target.path);
  }
}
