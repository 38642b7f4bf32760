/** Holds a folder by its descriptor and, where other users could lead its name elsewhere, names files through that. */
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  statSync,
  type BigIntStats,
} from 'node:fs';
import { promisify } from 'node:util';
import { basename, dirname, join, resolve } from 'node:path';
import { isRestricted, syncByName, syncWritten } from '../base/descriptor-calls';
import { errorCode } from '../base/foreign-error';
import { sameFile, type FileIdentity } from '../base/file-identity';
import { UntrustedFileError } from '../errors/refusals';
import { sharedFolders } from './build-place';
import { foreignLinks, type ForeignControl } from './foreign-control';

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

  /**
   * Throws what the system says, and `UntrustedFileError` where a symbolic link of another user leads there: whoever owns a
   * link chooses where it leads, also between two checks.
   */
  static open(path: string): FolderHandle {
    const folder = new FolderHandle(path, path, folderFlags, sharedFolders(path).length > 0);
    try {
      folder.#refuseMisled(resolve(path));
      return folder;
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /**
   * Opens a folder by the name that a caller gave, and makes it, with those above it, where it is missing: with `mode`, one by one, each
   * by the descriptor of the one above. Throws as {@link open}.
   */
  static make(path: string, mode: number): FolderHandle {
    const absolute = resolve(path);
    const missing: string[] = [];
    let standing = absolute;
    while (lstatSync(standing, { throwIfNoEntry: false }) === undefined && dirname(standing) !== standing) {
      missing.unshift(basename(standing));
      standing = dirname(standing);
    }
    let folder = FolderHandle.open(standing);
    try {
      for (const name of missing) {
        try {
          mkdirSync(folder.at(name), { mode });
        } catch (error) {
          // Another process made it; what is no folder fails at the next step.
          if (errorCode(error) !== 'EEXIST') throw folder.named(error);
        }
        const above = folder;
        folder = above.inside(name);
        above.close();
      }
      folder.#refuseMisled(absolute);
      return folder;
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /** Opens a folder inside this one; `name` must not be a symbolic link. */
  inside(name: string): FolderHandle {
    try {
      return new FolderHandle(join(this.path, name), this.at(name), ownFolderFlags, this.#byDescriptor !== null);
    } catch (error) {
      throw this.named(error);
    }
  }

  /** Asked after the open: what counts is the folder that is open. */
  #refuseMisled(path: string): void {
    // A shared parent above is what lets other users exchange it; elsewhere this costs a call for each part of the path.
    const [link] = foreignLinks(path);
    if (link !== undefined) throw misled(path, link);
    if (this.#byDescriptor === null) return;
    // The kernel's own name of it. Where that is another one, links of trusted users lead there, or it was exchanged.
    const real = readlinkSync(this.#byDescriptor);
    if (real !== path && real !== realpathSync(path)) throw misled(path, undefined);
    const [since] = foreignLinks(path);
    if (since !== undefined) throw misled(path, since);
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
    if (isRestricted()) return tolerated(syncByName(this.path));
    return syncDescriptor(this.#descriptor);
  }

  /** As {@link sync}, in the calling thread. */
  syncNow(): void {
    if (this.#descriptor === null) return;
    try {
      syncWritten(this.#descriptor);
    } catch (error) {
      if (errorCode(error) !== 'EINVAL') throw error;
    }
  }

  /** `error` with the plain name in the place of the one by descriptor, which means nothing to a reader. */
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

function misled(path: string, link: ForeignControl | undefined): UntrustedFileError {
  const message =
    link === undefined
      ? `The folder ${path} was exchanged while it was opened.`
      : `${link.path} is a symbolic link of user ${link.uid}, who decides where it leads.`;
  return new UntrustedFileError(message, {
    hint: 'Name a folder that no other user can exchange, without such a link.',
    details: { path },
  });
}

const fsyncOf = promisify(fsync);

function syncDescriptor(descriptor: number): Promise<void> {
  return tolerated(fsyncOf(descriptor));
}

async function tolerated(sync: Promise<void>): Promise<void> {
  await sync.catch((error: NodeJS.ErrnoException) => {
    // Some network and FUSE filesystems have no sync of folders, and say so with EINVAL. fsync(2)
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
