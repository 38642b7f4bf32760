/** Prepares the place in which one backup is built, and copies a finished backup to another filesystem. */
import { accessSync, constants, statSync, type BigIntStats } from 'node:fs';
import { chmod, chown, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { wallClockNow } from '../base/clock';
import { isRestricted } from '../base/descriptor-calls';
import { errorCode } from '../base/foreign-error';
import { BackupError, UntrustedFileError } from '../errors/refusals';
import { accessListOf, modeBeside, modeWithoutGroup, type AccessList } from '../filesystem/access-list';
import { chooseBuildPlace } from '../filesystem/build-place';
import { FolderHandle } from '../filesystem/folder-handle';
import { runJob } from '../maintenance/jobs-client';
import type { FileContent } from '../maintenance/messages';
import type { BackupEnvironment } from './environment';
import { StagingFolder, sweepStaging, type StagedFile } from './staging-folder';

const copyName = 'copy.tmp';
const arrivedName = 'arrived.tmp';
const asideName = 'old.tmp';

/** One file that is built out of sight, and gets its name when it is finished. */
export interface Build {
  /** The plain path where SQLite writes and checks the copy. */
  readonly work: string;
  /** The descriptor that syncs and hashes it. */
  readonly handle: FileHandle;
  /** Throws if the plain path leads to another file than the one that was created. */
  readonly check: () => void;
  /** The destination of a finished copy before it gets its name; `null` if it is built on that filesystem. */
  readonly carried: { readonly path: string; readonly handle: FileHandle } | null;
  /** The names of the last step, by the descriptors of their folders. */
  readonly publish: {
    readonly from: string;
    readonly to: string;
    /** A second name for the replaced file. */
    readonly aside: string;
    readonly folder: FolderHandle;
    /** Throws unless `to` leads to the finished file. */
    readonly checkPlaced: () => void;
  };
  /** The access to a new file of this process. */
  readonly usual: () => Access;
  /** `error` with plain names. */
  readonly named: <Thrown>(error: Thrown) => Thrown;
  /** Removes the leftovers, and closes everything except `handle`; never rejects. */
  readonly remove: () => Promise<void>;
}

export interface BuildRequest {
  /** Canonical path of the finished file. */
  readonly path: string;
  /** The copied file; `null` for a database without one. */
  readonly source: string | null;
  readonly nativeBinding?: string | undefined;
}

/**
 * Prepares the folder of one build, and removes the leftovers of killed processes.
 *
 * On a filesystem of another machine SQLite's locks and syncs are less reliable, so its copy is built and verified in a
 * local folder and then copied over. The same goes for a folder in which other users can exchange names.
 */
export async function prepareBuild(
  { path, source, nativeBinding }: BuildRequest,
  { isNetwork }: Pick<BackupEnvironment, 'isNetwork'>,
): Promise<Build> {
  const folder = dirname(path);
  const remote = await isNetwork(folder);
  const local = localFolders(source);
  const bytes = source === null ? 0 : (statSync(source, { throwIfNoEntry: false })?.size ?? 0);
  const place = remote
    ? { ...chooseBuildPlace(local[0] ?? tmpdir(), local.slice(1), bytes), sameFilesystem: false }
    : chooseBuildPlace(folder, local, bytes);
  await Promise.all(
    [...new Set([place.folder, folder])].map(each => sweepStaging(each, wallClockNow(), !(remote && each === folder))),
  );
  const target = FolderHandle.open(folder);
  const opened: StagingFolder[] = [];
  const handles: FileHandle[] = [];
  const remove = async (): Promise<void> => {
    for (const handle of handles) await handle.close().catch(() => {});
    for (const staging of opened) await staging.remove();
    target.close();
  };
  const open = async (parent: string, name: string, locks: boolean): Promise<[StagingFolder, StagedFile]> => {
    const staging = StagingFolder.create(parent, { locks, nativeBinding });
    opened.push(staging);
    return [staging, await staging.createFile(name)];
  };
  try {
    const [staging, file] = await open(place.folder, copyName, true);
    const [last, finished] = place.sameFilesystem ? [staging, file] : await open(folder, arrivedName, !remote);
    if (finished !== file) handles.push(finished.handle);
    const named = <Thrown>(error: Thrown): Thrown => target.named(last.named(staging.named(error)));
    const to = basename(path);
    return {
      work: staging.path(file.name),
      handle: file.handle,
      check: () => staging.check(file),
      carried: finished === file ? null : { path: last.at(finished.name), handle: finished.handle },
      publish: {
        from: last.at(finished.name),
        to: target.at(to),
        aside: last.at(asideName),
        folder: target,
        checkPlaced: await placedCheck(finished, target, to),
      },
      usual: () => accessOf(staging.statsOfNewFile()),
      named,
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The identity is read now: the descriptor is closed before the file gets its name. */
async function placedCheck({ handle }: StagedFile, folder: FolderHandle, name: string): Promise<() => void> {
  const { dev, ino } = await handle.stat({ bigint: true });
  return () => {
    const found = folder.look(name);
    if (found !== null && found.isFile() && found.dev === dev && found.ino === ino && folder.holds()) return;
    const path = `${folder.path}/${name}`;
    throw new UntrustedFileError(`The finished file is not at ${path}: it, or its folder, has been moved.`, {
      hint: 'A user who may write in that folder, or in one above it, did that. Let only trusted users write there.',
      details: { path },
    });
  };
}

/** Returns the folder of the database, which has space for databases, and the temporary one. */
function localFolders(source: string | null): string[] {
  const folders = source === null ? [tmpdir()] : [dirname(source), tmpdir()];
  return folders.filter(folder => {
    try {
      accessSync(folder, constants.W_OK | constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Access rights of a file. */
export interface Access {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

const permissionBits = 0o777;
const groupBits = 0o070;
const sharedBits = 0o077;

/** Returns the access of an existing file. */
export function accessOf({ uid, gid, mode }: BigIntStats): Access {
  return { uid: Number(uid), gid: Number(gid), mode: Number(mode) & permissionBits };
}

/** The access to a copy of `source`; of a schema without a file, that of any new file of this process. */
export async function accessOfCopy(source: string | null, { usual }: Build): Promise<Access> {
  if (source === null) return usual();
  const stats = statSync(source, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? { ...usual(), mode: 0o600 } : (await accessWithList(source, stats)).access;
}

/** The access to the file at `path`, as far as its mode says it, and whether it has an access control list beside that. */
export async function accessWithList(
  path: string,
  stats: BigIntStats,
): Promise<{ readonly access: Access; readonly list: AccessList }> {
  const access = accessOf(stats);
  // Only its owner has access: no list can give any.
  const list = (access.mode & sharedBits) === 0 ? false : await accessListOf(path);
  return { access: { ...access, mode: modeBeside(access.mode, { source: list, target: false }) }, list };
}

/**
 * Gives a file, readable only by its user until now, at most `access`.
 *
 * The group comes before the mode, and the mode without the bits of a group that could not be given, or that an access
 * control list of the folder would turn into its mask: a copy must not be readable by a user who could not read the
 * database. `withOwner`: also the owner, which root alone can give.
 */
export async function giveAccess(
  { handle, path }: { readonly handle: FileHandle; readonly path: string },
  access: Access,
  withOwner: boolean,
): Promise<void> {
  // Node's permission model allows neither by the handle.
  const byName = isRestricted();
  const give = (uid: number, gid: number) => (byName ? chown(path, uid, gid) : handle.chown(uid, gid));
  const { uid, gid } = await handle.stat();
  let mode = access.mode;
  if (withOwner && process.geteuid?.() === 0 && (uid !== access.uid || gid !== access.gid)) {
    await give(access.uid, access.gid);
  } else if (process.platform !== 'win32' && gid !== access.gid && (mode & sharedBits) !== 0) {
    await give(uid, access.gid).catch(() => (mode = modeWithoutGroup(mode)));
  }
  if ((mode & groupBits) !== 0) {
    const target = await accessListOf(`/proc/${process.pid}/fd/${handle.fd}`);
    mode = modeBeside(mode, { source: false, target });
  }
  return tolerate(byName ? chmod(path, mode) : handle.chmod(mode));
}

/** Filesystems without owners or permissions (vfat, some network mounts) and Windows refuse: the file stays private. */
function tolerate(change: Promise<void>): Promise<void> {
  return change.catch((error: unknown) => {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS', 'EROFS'].includes(errorCode(error) ?? '')) throw error;
  });
}

/** Copies the finished file to `to`, an empty one, syncs it, and refuses a copy that reads back differently. */
export async function carryOver(
  from: string,
  to: string,
  expected: FileContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const arrived = await runJob({ kind: 'transfer', file: from, destination: to }, { signal });
  if (arrived.bytes === expected.bytes && arrived.sha256 === expected.sha256) return;
  throw new BackupError(
    `The copy that arrived differs from the one that was sent: ${arrived.bytes} bytes, sha256 ${arrived.sha256}.`,
    {
      hint: 'Do not use that mount for backups before you know why.',
      details: { expected, arrived },
    },
  );
}
