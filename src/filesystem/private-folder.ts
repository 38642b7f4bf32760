/** A folder of mode 0700 in which one file is built by name, without waiting: for what must be saved at this moment. */
import { randomBytes } from 'node:crypto';
import { constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { sameFile } from '../base/file-identity';
import { UntrustedFileError } from '../errors/refusals';
import { FolderHandle } from './folder-handle';
import { temporaryName, thisProcess } from './process-id';

/** An empty file that this user alone can read and write. */
export interface PrivateFile {
  /** The plain path, for SQLite. */
  readonly path: string;
  readonly descriptor: number;
  /** Throws `UntrustedFileError` where the plain path leads to another file than the descriptor. */
  readonly check: () => void;
}

/** It has the name of a temporary file of this process, so that the next backup into its parent removes what a kill left. */
export class PrivateFolder {
  readonly #parent: FolderHandle;
  readonly #name: string;
  readonly #folder: FolderHandle;

  private constructor(parent: FolderHandle, name: string, folder: FolderHandle) {
    this.#parent = parent;
    this.#name = name;
    this.#folder = folder;
  }

  /** Throws what the system says, and `UntrustedFileError` where another user exchanged the folder at once. */
  static create(parent: string): PrivateFolder {
    const above = FolderHandle.open(parent);
    const name = temporaryName(thisProcess(), randomBytes(6).toString('hex'));
    try {
      mkdirSync(above.at(name), { mode: 0o700 });
      const folder = above.inside(name);
      try {
        refuseForeign(folder);
        return new PrivateFolder(above, name, folder);
      } catch (error) {
        folder.close();
        throw error;
      }
    } catch (error) {
      above.close();
      throw above.named(error);
    }
  }

  /** The name of a file in the folder for calls of this process. */
  at(name: string): string {
    return this.#folder.at(name);
  }

  createFile(name: string): PrivateFile {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
    const descriptor = openSync(this.at(name), flags, 0o600);
    const path = `${this.#folder.path}/${name}`;
    const check = (): void => {
      const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
      const held = fstatSync(descriptor, { bigint: true });
      if (found === undefined || !found.isFile() || !sameFile(found, held)) throw exchanged(path);
    };
    return { path, descriptor, check };
  }

  /** Removes the folder with its files; never throws. */
  remove(): void {
    try {
      for (const name of readdirSync(this.at('.'))) rmSync(this.at(name), { force: true });
      const now = this.#parent.look(this.#name);
      // Its name may have been given to something else.
      if (now !== null && sameFile(now, this.#folder.identity)) rmdirSync(this.#parent.at(this.#name));
    } catch {
      // The next backup into the folder above removes it.
    }
    this.#folder.close();
    this.#parent.close();
  }
}

function exchanged(path: string): UntrustedFileError {
  return new UntrustedFileError(`${path} is not what was created there: it was moved or replaced.`, {
    hint: 'Whoever may write in the folder above did that. Let only trusted users write there, or choose another folder.',
    details: { path },
  });
}

/**
 * The folder that was just made must be this user's and closed to other users. A filesystem without users (vfat, a
 * network mount that maps root to another user) gives every file the same ones: a new file shows which.
 */
export function refuseForeign(folder: FolderHandle): void {
  const { path } = folder;
  const { uid, mode } = folder.stats;
  const own = process.geteuid?.();
  if (own === undefined || (uid === BigInt(own) && (Number(mode) & 0o077) === 0)) return;
  const probe = folder.at('probe');
  mkdirSync(probe, { mode: 0o700 });
  const usual = lstatSync(probe, { bigint: true });
  rmSync(probe, { recursive: true });
  if (usual.uid === uid && usual.mode === mode) return;
  throw new UntrustedFileError(`${path} belongs to another user than the one who made it.`, {
    hint: 'Whoever may write in the folder above exchanged it. Let only trusted users write there, or choose another folder.',
    details: { path, uid: Number(uid) },
  });
}
