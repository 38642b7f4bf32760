/** Asks the kernel for the mount of a path, without opening the file for reading or writing. Linux only. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { deviceNumbers } from '../../base/file-identity';
import { errorCode } from '../../base/foreign-error';
import { readKernelText } from './kernel-text';

/**
 * `O_PATH`: a descriptor that only names the file. Closing it does not cancel the POSIX locks of this process, as
 * closing an ordinary descriptor does. The value is the same on every Linux that Node is built for; `fs.constants`
 * does not have it. @see open(2)
 */
const pathOnly = 0x200000;

export interface DescriptorFacts {
  /** `mnt_id` of `/proc/self/fdinfo`; `null` on kernels that do not print it. @see proc_pid_fdinfo(5) */
  readonly mountId: number | null;
  readonly dev: bigint;
  readonly isFile: boolean;
}

/** Returns `null` if `path` does not exist. Other errors (EACCES, EIO, ELOOP) are thrown unchanged. */
export function describePath(path: string): DescriptorFacts | null {
  let descriptor: number;
  try {
    descriptor = openSync(path, pathOnly);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    return { mountId: mountIdOf(descriptor), dev: stats.dev, isFile: stats.isFile() };
  } finally {
    closeSync(descriptor);
  }
}

function mountIdOf(descriptor: number): number | null {
  try {
    const id = /^mnt_id:\s*(\d+)/m.exec(readKernelText(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
    return id === undefined ? null : Number(id);
  } catch {
    return null; // A chroot without /proc.
  }
}

function isMissing(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Formats a device number as `'major:minor'`, like mountinfo. */
export function deviceName(dev: bigint): string {
  const { major, minor } = deviceNumbers(dev);
  return `${major}:${minor}`;
}
