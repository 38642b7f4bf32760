/** Which processes have a file open, read from `/proc` on Linux without opening the file. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { sameFile, type FileIdentity } from '../base/file-identity';

export interface Holder {
  readonly pid: number;
  readonly fd: number;
}

/**
 * The descriptors of all processes that are open on a file.
 *
 * A connection in a rollback mode that does nothing holds no lock, so locks alone do not show it. Descriptors of other
 * users are seen by root alone; where `/proc` is missing the answer is empty, and the locks have to do.
 */
export function findHolders(file: FileIdentity): readonly Holder[] {
  return list('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => holdersIn(Number(pid), file));
}

function holdersIn(pid: number, file: FileIdentity): Holder[] {
  return list(`/proc/${pid}/fd`)
    .filter(fd => isOn(pid, fd, file))
    .map(fd => ({ pid, fd: Number(fd) }));
}

/**
 * stat(2) of a link in `/proc/<pid>/fd` answers about the open file itself (proc_pid_fd(5)), and hangs where that is on a
 * mount whose server is dead. Since Linux 5.14 fdinfo has the inode, which asks nobody: only those that fit are looked at.
 */
function isOn(pid: number, fd: string, file: FileIdentity): boolean {
  try {
    const inode = /^ino:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))?.[1];
    if (inode !== undefined && inode !== String(file.ino)) return false;
    return sameFile(statSync(`/proc/${pid}/fd/${fd}`, { bigint: true }), file);
  } catch {
    // Closed since the listing.
    return false;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // No such process any more, or not ours to look into, or no `/proc` at all.
    return [];
  }
}
