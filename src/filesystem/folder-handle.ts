/** Holds a folder by its descriptor and, where other users could redirect its name, names files through that. */
import { closeSync, constants, fstatSync, fsync, lstatSync, openSync, statSync, type BigIntStats } from 'node:fs';
import { promisify } from 'node:util';
import { join } from 'node:path';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { sharedFolders } from './build-place';

/**
 * A folder that stays the same even if its name, or one above it, is redirected.
 *
 * If another user could do that, {@link at} returns names below `/proc/self/fd/<descriptor>` on Linux, which the kernel
 * resolves to the open folder itself. Elsewhere the names are plain, and {@link holds} tells whether they still lead
 * there.
 */
export class FolderHandle {
  readonly identity: FileIdentity;
  readonly stats: BigIntStats;
  readonly #descriptor: number | null;
  readonly #byDescriptor: string | null;
  #path: string;
  #closed = false;

  private constructor(path: string, opened: string, flags: number, isShared: boolean) {
    this.#path = path;
    // Windows cannot open folders.
    this.#descriptor = process.platform === 'win32' ? null : openSync(opened, flags);
    this.stats =
      this.#descriptor === null ? statSync(opened, { bigint: true }) : fstatSync(this.#descriptor, { bigint: true });
    this.identity = { dev: this.stats.dev, ino: this.stats.ino };
    this.#byDescriptor = this.#descriptor !== null && isShared ? nameOf(this.#descriptor, this.identity) : null;
  }

  /** Throws the system's error. */
  static open(path: string): FolderHandle {
    return new FolderHandle(path, path, folderFlags, sharedFolders(path).length > 0);
  }

  /** Opens a folder inside this one; `name` must not be a symbolic link. */
  inside(name: string): FolderHandle {
    try {
      return new FolderHandle(join(this.path, name), this.at(name), ownFolderFlags, this.#byDescriptor !== null);
    } catch (error) {
      throw this.named(error);
    }
  }

  /** The plain name, which SQLite and other processes use. */
  get path(): string {
    return this.#path;
  }

  /** Records a rename of the folder. */
  renamed(path: string): void {
    this.#path = path;
  }

  /**
   * Returns the name of a file in the folder for system calls of this process; not for SQLite, which resolves links
   * itself.
   */
  at(name: string): string {
    return join(this.#byDescriptor ?? this.path, name);
  }

  /** True if the folder's plain name, which SQLite and other processes use, still leads to it. */
  holds(): boolean {
    const now = statSync(this.path, { bigint: true, throwIfNoEntry: false });
    return now !== undefined && sameFile(now, this.identity);
  }

  /** Stats a name in the folder without following links; `null` if it does not exist. */
  look(name: string): BigIntStats | null {
    return lstatSync(this.at(name), { bigint: true, throwIfNoEntry: false }) ?? null;
  }

  /** Makes the names in the folder durable. fsync(2): "Calling fsync() does not necessarily ensure that the entry ..." */
  sync(): Promise<void> {
    // Windows cannot open folders, and NTFS journals its names.
    if (this.#descriptor === null) return Promise.resolve();
    return syncDescriptor(this.#descriptor);
  }

  /** Replaces the descriptor path in `error` by the plain name, which means something to a reader. */
  named<Thrown>(error: Thrown): Thrown {
    const byDescriptor = this.#byDescriptor;
    if (byDescriptor === null || typeof error !== 'object' || error === null) return error;
    for (const member of ['message', 'path', 'dest'] as const) {
      const text: unknown = Reflect.get(error, member);
      if (typeof text === 'string') Reflect.set(error, member, text.replaceAll(`${byDescriptor}/`, `${this.path}/`));
    }
    return error;
  }

  close(): void {
    if (this.#closed || this.#descriptor === null) return;
    this.#closed = true;
    closeSync(this.#descriptor);
  }
}

const fsyncOf = promisify(fsync);

async function syncDescriptor(descriptor: number): Promise<void> {
  await fsyncOf(descriptor).catch((error: NodeJS.ErrnoException) => {
    // Some network and FUSE filesystems cannot sync folders and report EINVAL. fsync(2)
    if (error.code !== 'EINVAL') throw error;
  });
}

// The constants are missing on Windows, which cannot open folders.
const folderFlags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0);
const ownFolderFlags = folderFlags | (constants.O_NOFOLLOW ?? 0);

/** Returns `null` if `/proc` does not show the descriptors of this process. */
function nameOf(descriptor: number, identity: FileIdentity): string | null {
  if (process.platform !== 'linux') return null;
  const name = `/proc/self/fd/${descriptor}`;
  try {
    return sameFile(statSync(name, { bigint: true }), identity) ? name : null;
  } catch {
    return null;
  }
}
