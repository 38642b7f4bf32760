/** Finds the processes that have a file open, from `/proc` on Linux, without opening the file. */
import { readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { procFolder } from '../base/proc-folder';
import { errorCode } from '../base/foreign-error';
import { sameFile, type FileIdentity } from '../base/file-identity';

export interface Holder {
  readonly pid: number;
  readonly fd: number;
}

/**
 * Returns the descriptors of all processes that are open on a file.
 *
 * An idle connection in rollback mode holds no lock and does not show up among the locks. Only root sees the
 * descriptors of other users; without `/proc` the answer is empty, and the caller relies on locks.
 */
export function findHolders(file: FileIdentity): readonly Holder[] {
  return list(procFolder)
    .filter(name => /^\d+$/.test(name))
    .flatMap(pid => holdersIn(Number(pid), file));
}

/**
 * Tells on Windows if a program has the file open; `null` on other systems, and if the file cannot be renamed anyway.
 *
 * A rename to the same name changes nothing, and Windows refuses it while the file is open without FILE_SHARE_DELETE, as SQLite
 * opens its files (`winOpen` in os_win.c).
 */
export function isOpenOnWindows(path: string): boolean | null {
  if (process.platform !== 'win32') return null;
  try {
    renameSync(path, path);
    return false;
  } catch (error) {
    return errorCode(error) === 'EBUSY' ? true : null;
  }
}

function holdersIn(pid: number, file: FileIdentity): Holder[] {
  return list(`${procFolder}/${pid}/fd`)
    .filter(fd => isOn(pid, fd, file))
    .map(fd => ({ pid, fd: Number(fd) }));
}

/**
 * stat(2) of a link in `/proc/<pid>/fd` reports the open file itself (proc_pid_fd(5)), and hangs on a mount whose
 * server is dead. fdinfo has the inode since Linux 5.14 and asks no server, so only matching descriptors get a stat.
 */
function isOn(pid: number, fd: string, file: FileIdentity): boolean {
  try {
    const inode = /^ino:\s*(\d+)$/m.exec(readFileSync(`${procFolder}/${pid}/fdinfo/${fd}`, 'latin1'))?.[1];
    if (inode !== undefined && inode !== String(file.ino)) return false;
    return sameFile(statSync(`${procFolder}/${pid}/fd/${fd}`, { bigint: true }), file);
  } catch {
    // Closed since the listing.
    return false;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // The process has ended or may not be inspected, or there is no `/proc`.
    return [];
  }
}
