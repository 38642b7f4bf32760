/** Which processes have a file open, read from `/proc` on Linux without opening the file. */
import { readdirSync, statSync } from 'node:fs';
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
  const folder = `/proc/${pid}/fd`;
  return list(folder)
    .filter(fd => isOn(`${folder}/${fd}`, file))
    .map(fd => ({ pid, fd: Number(fd) }));
}

/** stat(2) of a link in `/proc/<pid>/fd` answers about the open file itself. proc_pid_fd(5) */
function isOn(link: string, file: FileIdentity): boolean {
  try {
    return sameFile(statSync(link, { bigint: true }), file);
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
