/** What a backup or a restore asks about the files around it. */
import { sameFile, type FileIdentity } from '../base/file-identity';
import type { Surroundings } from './environment';
import { inspectFilesystem } from '../filesystem/inspect';
import type { FilesystemClass } from '../filesystem/report';
import { registeredFiles } from '../registry/registry';

/** Ground that another kernel serves: SQLite never writes there, a finished copy may be carried there. */
export const remoteClasses: ReadonlySet<FilesystemClass> = new Set(['network', 'cluster', 'vm-share', 'fuse']);

export const surroundings: Surroundings = {
  isOpenHere(identity: FileIdentity) {
    for (const file of registeredFiles()) {
      if (file.identity !== null && sameFile(file.identity, identity)) return true;
    }
    return false;
  },
  isNetwork: path => remoteClasses.has(inspectFilesystem(path, { touchShared: true }).class),
};
