/** Reads the error counters that ext2, ext3, ext4 and btrfs keep, from sysfs. */
import { posix } from 'node:path';
import { sysfsFolder } from './block-device';
import { readMountTable } from './linux-tables';
import type { MountRow } from './mount-table';
import { names, number, text } from './sysfs';

/** The errors that the filesystem recorded about itself. */
export interface FilesystemErrors {
  /** Source of the numbers. */
  readonly source: string;
  readonly count: number;
  /** Each non-zero counter under the kernel's name. */
  readonly counters: Readonly<Record<string, number>>;
  /** ISO 8601, and where in the kernel: ext4 keeps the first and the last error. */
  readonly first: string | null;
  readonly last: string | null;
}

/** Reads the counters: some 20 µs, without waiting for a disk. */
export type ReadErrors = () => FilesystemErrors | null;

/** Returns the reader for the mount of a file; `null` if errors are not counted. */
export function errorCountersOf(mountId: number | null): ReadErrors | null {
  const mount = mountId === null ? undefined : readMountTable().byId.get(mountId);
  const folder = mount === undefined ? null : sysfsFolder(mount);
  return mount === undefined || folder === null ? null : errorCounters(mount, posix.basename(folder));
}

/** The same for a mount with a known device. */
export function errorCounters({ type }: MountRow, device: string): ReadErrors | null {
  if (/^ext[234]$/.test(type)) return () => ext4Errors(`/sys/fs/ext4/${device}`);
  return type === 'btrfs' ? () => btrfsErrors(device) : null;
}

/** The counters stay until `e2fsck` finds the filesystem clean. ext4(5), Documentation/ABI/testing/sysfs-fs-ext4 */
function ext4Errors(folder: string): FilesystemErrors | null {
  const count = number(`${folder}/errors_count`);
  if (count === null) return null;
  const counters = count === 0 ? {} : { errors_count: count };
  return { source: folder, count, counters, first: ext4Moment(folder, 'first'), last: ext4Moment(folder, 'last') };
}

function ext4Moment(folder: string, which: 'first' | 'last'): string | null {
  const seconds = number(`${folder}/${which}_error_time`);
  if (seconds === null || seconds === 0) return null;
  const place = text(`${folder}/${which}_error_func`);
  const at = new Date(seconds * 1000).toISOString();
  return place === null || place === '' ? at : `${at} in ${place}`;
}

/** Kept in the filesystem until `btrfs device stats --reset`. btrfs-device(8) */
function btrfsErrors(name: string): FilesystemErrors | null {
  const folder = names('/sys/fs/btrfs')
    .map(id => `/sys/fs/btrfs/${id}`)
    .find(each => names(`${each}/devices`).includes(name));
  if (folder === undefined) return null;
  const counters: Record<string, number> = {};
  for (const id of names(`${folder}/devinfo`)) {
    const lines = text(`${folder}/devinfo/${id}/error_stats`)?.split('\n') ?? [];
    for (const line of lines) {
      const [counter = '', value] = line.split(' ');
      if (Number(value) > 0) counters[`${counter} of device ${id}`] = Number(value);
    }
  }
  const count = Object.values(counters).reduce((sum, each) => sum + each, 0);
  return { source: folder, count, counters, first: null, last: null };
}
