/** Makes a folder that only this user can enter, beside what is built in it, and notices when its name leads elsewhere. */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, unlinkSync, type BigIntStats } from 'node:fs';
import { open, readdir, rm, rmdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { sameFile } from '../base/file-identity';
import { UntrustedFileError } from '../errors/refusals';

/** A file of a private folder, with the descriptor that it was created with. */
export interface HeldFile {
  readonly path: string;
  readonly handle: FileHandle;
}

/**
 * A folder of mode 0700 in which no other user can plant, exchange or read a name.
 *
 * Whoever may write in the folder above can still rename this one and put another in its place. `check` notices that: it
 * compares the descriptor that the folder was opened with to what its name leads to now. Call it before and after each step
 * that goes by name (SQLite opens by name), and `checkHeld` for the file itself.
 */
export class PrivateFolder {
  readonly path: string;
  readonly #descriptor: number | null;
  readonly #made: BigIntStats;

  /** Creates the folder `path`, whose parent exists. Throws the error of the system, or `UntrustedFileError`. */
  constructor(path: string) {
    mkdirSync(path, { mode: 0o700 });
    this.path = path;
    // Windows opens no folders; names there are guarded by access lists.
    this.#descriptor = process.platform === 'win32' ? null : openSync(path, folderFlags);
    this.#made =
      this.#descriptor === null ? lstatSync(path, { bigint: true }) : fstatSync(this.#descriptor, { bigint: true });
    if (isOwnFolder(path, this.#made)) return;
    this.#close();
    throw untrusted(path, 'the folder that this process just made there belongs to another user');
  }

  /** Throws `UntrustedFileError` where the name leads to another folder than the one that was made. */
  check(): void {
    const now = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    if (now === undefined || !now.isDirectory() || !sameFile(now, this.#made)) {
      throw untrusted(this.path, 'the folder that this process made there was moved away');
    }
  }

  /** Creates the empty file `name`, readable and writable by this user alone; rejects where there is one. */
  async create(name: string): Promise<HeldFile> {
    this.check();
    const path = join(this.path, name);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
    const handle = await open(path, flags, 0o600);
    try {
      this.check();
      checkHeld(handle.fd, path);
      return { path, handle };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Removes the folder with its files, unless its name leads elsewhere. Never rejects: a later sweep removes what is left. */
  async remove(): Promise<void> {
    try {
      this.check();
      for (const name of await readdir(this.path)) await rm(join(this.path, name), { force: true });
      await rmdir(this.path);
    } catch {
      // Gone, exchanged, or on a disk that fails.
    } finally {
      this.#close();
    }
  }

  #closed = false;

  #close(): void {
    if (this.#descriptor === null || this.#closed) return;
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}

const folderFlags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);

/**
 * Throws `UntrustedFileError` unless the name `path` leads to the file that `descriptor` is open on, itself and not through
 * a link. Call it around each step that goes by name, and after a rename with the new name.
 */
export function checkHeld(descriptor: number, path: string): void {
  const held = fstatSync(descriptor, { bigint: true });
  const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (named !== undefined && named.isFile() && sameFile(held, named)) return;
  throw untrusted(
    path,
    named?.isSymbolicLink() === true ? 'it is a symbolic link now' : 'the file that this process made there is gone',
  );
}

/**
 * Ours is a folder of this user that nobody else may enter. A filesystem without users or permissions (vfat, a network
 * mount that maps root to nobody) gives each file the same ones: a file that is created there by descriptor shows which.
 */
function isOwnFolder(path: string, made: BigIntStats): boolean {
  const uid = process.geteuid?.();
  if (uid === undefined) return true;
  const open = Number(made.mode) & 0o077;
  if (Number(made.uid) === uid && open === 0) return true;
  const usual = statsOfNewFile(join(path, 'probe'));
  return made.uid === usual.uid && (open & ~Number(usual.mode)) === 0;
}

function statsOfNewFile(path: string): BigIntStats {
  const descriptor = openSync(path, 'wx', 0o600);
  try {
    return fstatSync(descriptor, { bigint: true });
  } finally {
    closeSync(descriptor);
    unlinkSync(path);
  }
}

function untrusted(path: string, what: string): UntrustedFileError {
  return new UntrustedFileError(`${path} is not safe to use: ${what}.`, {
    hint: 'Somebody who may write in the folder above exchanged it. Let only trusted users write there (no group, no others), or choose another folder.',
    details: { path },
  });
}
