/** What a backup and a restore ask about the files around them; apart, because public types lead here. */
import { type FileIdentity, sameFile } from '../base/file-identity';
import { inspectFilesystem } from '../filesystem/inspect';
import type { FilesystemClass } from '../filesystem/report';
import { registeredFiles } from '../registry/registry';

export interface BackupEnvironment {
  /** Whether this process has the file open as a database; opening it with `fs` would then cancel SQLite's locks. */
  readonly isOpenHere: (identity: FileIdentity) => boolean;
  /** Whether the path lies on a filesystem of another machine. */
  readonly isNetwork: (path: string) => boolean | Promise<boolean>;
}

// What a backup or a restore asks about the files around it.

/** Ground that another kernel serves: SQLite never writes there, a finished copy may be carried there. */
export const remoteClasses: ReadonlySet<FilesystemClass> = new Set(['network', 'cluster', 'vm-share', 'fuse']);

export const backupEnvironment: BackupEnvironment = {
  isOpenHere(identity: FileIdentity) {
    for (const file of registeredFiles()) {
      if (file.identity !== null && sameFile(file.identity, identity)) return true;
    }
    return false;
  },
  isNetwork: path => remoteClasses.has(inspectFilesystem(path, { touchShared: true }).class),
};
