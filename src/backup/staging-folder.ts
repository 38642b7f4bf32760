/** Creates the private folder in which a backup or a restore is built, and removes those that killed processes left. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type BigIntStats,
} from 'node:fs';
import { open, readdir, rm, rmdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { sameFile } from '../base/file-identity';
import { UntrustedFileError } from '../errors/refusals';
import { FolderHandle } from '../filesystem/folder-handle';
import { refuseForeign } from '../filesystem/private-folder';
import { lockFile, type FileLock } from './file-lock';
import { sidecarSuffixes } from './place';
import {
  foreignAgeMs,
  isAbandoned,
  processIdOf,
  processStart,
  temporaryName,
  thisProcess,
} from '../filesystem/process-id';

/** A file of a staging folder with the descriptor that created it, opened before every write. */
export interface StagedFile {
  readonly name: string;
  readonly handle: FileHandle;
}

const lockName = 'lock';
/** Suffix of a folder until it is locked. */
const unlockedSuffix = '.new';

/**
 * A folder of mode 0700 for one build: no other user can read, plant or exchange a name there.
 *
 * It is called `.safe-sqlite-<process>-<serial>.tmp`. The file `lock` in it is locked as long as its process lives; any
 * process that finds the folder can tell whether it is still needed, from any container of the machine.
 */
export class StagingFolder {
  readonly #parent: FolderHandle;
  readonly #name: string;
  readonly #folder: FolderHandle;
  readonly #lock: FileLock | null;

  private constructor(parent: FolderHandle, name: string, folder: FolderHandle, lock: FileLock | null) {
    this.#parent = parent;
    this.#name = name;
    this.#folder = folder;
    this.#lock = lock;
  }

  /** Creates the folder in `parent`; `locks: false` on a filesystem whose locks may be missing, or hang. */
  static create(
    parent: string,
    { locks, nativeBinding }: { readonly locks: boolean; readonly nativeBinding?: string | undefined },
  ): StagingFolder {
    const above = FolderHandle.open(parent);
    // Windows cannot rename a folder with an open file in it, and has no process namespaces that would need the lock.
    const locked = locks && process.platform !== 'win32';
    const name = temporaryName(thisProcess(), randomBytes(6).toString('hex'));
    const first = locked ? `${name}${unlockedSuffix}` : name;
    try {
      mkdirSync(above.at(first), { mode: 0o700 });
      const folder = above.inside(first);
      try {
        refuseForeign(folder);
        const lock = locked ? lockFile(folder, lockName, nativeBinding) : null;
        if (first !== name) renameSync(above.at(first), above.at(name));
        folder.renamed(join(parent, name));
        return new StagingFolder(above, name, folder, typeof lock === 'string' ? null : lock);
      } catch (error) {
        folder.close();
        throw error;
      }
    } catch (error) {
      const named = above.named(error);
      try {
        rmSync(above.at(first), { recursive: true, force: true });
      } catch {
        // The next sweep removes it.
      }
      above.close();
      throw named;
    }
  }

  /** The plain path of a file in the folder, for SQLite. */
  path(name: string): string {
    return join(this.#parent.path, this.#name, name);
  }

  /** The name of a file in the folder for calls of this process, by the folder's descriptor. */
  at(name: string): string {
    return this.#folder.at(name);
  }

  /** Creates an empty file that only this user can read and write; SQLite fills an empty file as it fills an absent one. */
  async createFile(name: string): Promise<StagedFile> {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
    const handle = await open(this.at(name), flags, 0o600).catch((error: unknown) => {
      throw this.named(error);
    });
    return { name, handle };
  }

  /** Returns the stats of a file created with default permissions: only the system knows the umask safely. */
  statsOfNewFile(): BigIntStats {
    const name = this.at('usual');
    const descriptor = openSync(name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o666);
    try {
      return fstatSync(descriptor, { bigint: true });
    } finally {
      closeSync(descriptor);
      rmSync(name, { force: true });
    }
  }

  /**
   * Throws `UntrustedFileError` unless the plain path of the file, which SQLite uses, leads to the file that was
   * created here. Call it before and after each step that uses the path.
   */
  check({ name, handle }: StagedFile): void {
    const held = fstatSync(handle.fd, { bigint: true });
    const path = this.path(name);
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (found !== undefined && found.isFile() && sameFile(found, held)) return;
    throw new UntrustedFileError(`${path} is not the file that was created there: it has been moved or replaced.`, {
      hint: 'A user who may write in the folder above did that. Let only trusted users write there, or choose another folder.',
      details: { path },
    });
  }

  /** `error` with plain names. */
  named<Thrown>(error: Thrown): Thrown {
    return this.#parent.named(this.#folder.named(error));
  }

  /**
   * Removes the folder with its files; never rejects, and a later sweep removes what cannot be removed now.
   *
   * Never in the calling thread: freeing the blocks of a file of 1 GB takes the filesystem 50 ms and more.
   */
  async remove(): Promise<void> {
    await removeFiles(this.#folder, [lockName]);
    this.#lock?.release();
    await removeFolder(this.#parent, this.#name, this.#folder);
    this.#folder.close();
    this.#parent.close();
  }
}

/** Removes a file with its sidecars. */
export async function removeTemporary(path: string): Promise<void> {
  await Promise.all(['', ...sidecarSuffixes].map(suffix => rm(`${path}${suffix}`, { force: true }).catch(() => {})));
}

/**
 * Removes what killed processes left in `folder`, and returns it: their staging folders, and the temporary files of
 * older versions of this library. Nothing of another user is touched, and a folder that cannot be listed is left alone.
 */
export async function sweepStaging(folder: string, now: number, locks: boolean): Promise<readonly string[]> {
  const removed: string[] = [];
  let above: FolderHandle;
  try {
    above = FolderHandle.open(folder);
  } catch {
    return removed;
  }
  try {
    for (const name of await readdir(above.at('.')).catch(() => [])) {
      if (await sweep(above, name, now, locks)) removed.push(join(folder, name));
    }
  } finally {
    above.close();
  }
  return removed;
}

async function sweep(above: FolderHandle, name: string, now: number, locks: boolean): Promise<boolean> {
  const isUnlocked = name.endsWith(unlockedSuffix);
  const owner = processIdOf(isUnlocked ? name.slice(0, -unlockedSuffix.length) : name);
  const facts = owner === null ? null : above.look(name);
  if (owner === null || facts === null || !isOurs(facts)) return false;
  const age = now - Number(facts.mtimeMs);
  const longest = facts.isDirectory() && !isUnlocked ? foreignAgeMs.copy : foreignAgeMs.moment;
  const { abandoned } = isAbandoned(owner, thisProcess(), age, longest, processStart);
  if (!facts.isDirectory()) {
    if (!abandoned) return false;
    return rm(above.at(name), { force: true }).then(
      () => true,
      () => false,
    );
  }
  // On this machine and in this namespace its process can be queried; elsewhere its lock can.
  const isForeign = owner.host !== thisProcess().host;
  if (!abandoned && !(isForeign && locks && !isUnlocked && process.platform !== 'win32')) return false;
  return sweepFolder(above, name, abandoned);
}

async function sweepFolder(above: FolderHandle, name: string, abandoned: boolean): Promise<boolean> {
  let folder: FolderHandle;
  try {
    folder = above.inside(name);
  } catch {
    return false;
  }
  try {
    if (!isOurs(folder.stats) || (Number(folder.stats.mode) & 0o077) !== 0) return false;
    if (!abandoned && folder.look(lockName) !== null) {
      const lock = lockFile(folder, lockName);
      if (typeof lock === 'string') return false;
      await removeFiles(folder, [lockName]);
      lock.release();
    } else await removeFiles(folder, []);
    return await removeFolder(above, name, folder);
  } finally {
    folder.close();
  }
}

function isOurs({ uid }: BigIntStats): boolean {
  const own = process.geteuid?.();
  return own === undefined || uid === BigInt(own);
}

async function removeFiles(folder: FolderHandle, except: readonly string[]): Promise<void> {
  const names = await readdir(folder.at('.')).catch(() => []);
  await Promise.all(
    names.filter(name => !except.includes(name)).map(name => rm(folder.at(name), { force: true }).catch(() => {})),
  );
}

/** Removes only the folder itself: its name may have been reused. */
async function removeFolder(above: FolderHandle, name: string, folder: FolderHandle): Promise<boolean> {
  await removeFiles(folder, []);
  const now = above.look(name);
  if (now === null || !sameFile(now, folder.identity)) return false;
  return rmdir(above.at(name)).then(
    () => true,
    () => false,
  );
}
