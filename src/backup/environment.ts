/**
 * Declares the questions of a backup and a restore about the files around them; separate, because public types refer to
 * it.
 */
import { errorCode } from '../base/foreign-error';
/**
 * Declares the questions of a backup and a restore about the files around them; separate, because public types refer to
 * it.
 */
import { type FileIdentity, sameFile } from '../base/file-identity';
import { inspectFilesystem } from '../filesystem/inspect';
import type { FilesystemClass } from '../filesystem/report';
import { registeredFiles } from '../registry/registry';

export interface BackupEnvironment {
  /** True if this process has the file open as a database; opening it with `fs` would then cancel SQLite's locks. */
  readonly isOpenHere: (identity: FileIdentity) => boolean;
  /** True if the path is on a filesystem of another machine. */
  readonly isNetwork: (path: string) => boolean | Promise<boolean>;
}

// Answers the questions of a backup or a restore about the files around it.

/** Filesystems served by another kernel: SQLite never writes there, but a finished copy may be copied there. */
export const remoteClasses: ReadonlySet<FilesystemClass> = new Set(['network', 'cluster', 'vm-share', 'fuse']);

export const backupEnvironment: BackupEnvironment = {
  isOpenHere(identity: FileIdentity) {
    for (const file of registeredFiles()) {
      if (file.identity !== null && sameFile(file.identity, identity)) return true;
    }
    return false;
  },
  isNetwork(path) {
    try {
      return remoteClasses.has(inspectFilesystem(path, { touchShared: true }).class);
    } catch (error) {
      // Node's permission model refuses to read there.
      if (errorCode(error) === 'ERR_ACCESS_DENIED') return true;
      throw error;
    }
  },
};
