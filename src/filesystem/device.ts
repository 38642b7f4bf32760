/** The block device below a mount: its name, its disks, and the errors that the kernel counted. Reads sysfs and `/proc` only. */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { sysfsFolder } from './block-device';
import { readMountTable } from './linux-tables';
import type { MountRow } from './mount-table';

export interface Disk {
  /** For example `'sda'`, `'nvme0n1'`, `'md0'`. */
  readonly name: string;
  /** What a person would recognize it by; `null` for a virtual disk. */
  readonly model: string | null;
  readonly readOnly: boolean;
  /** Requests that the disk could not do, as SCSI counts them; `null` where nobody counts. */
  readonly ioErrors: number | null;
}

export interface Device {
  /** For example `'sda1'`. */
  readonly name: string;
  /** What the commands take, for example `'/dev/sda1'`. */
  readonly path: string;
  /** The disks below, through partitions, RAID, encryption and volumes. */
  readonly disks: readonly Disk[];
  /** The file behind a loop device. */
  readonly backingFile: string | null;
  /** State of a software RAID; `null` where it is none. */
  readonly raid: { readonly state: string; readonly missingDisks: number; readonly mismatches: number } | null;
  /** Name of a device-mapper volume, and whether it is suspended: then every write waits. */
  readonly mapped: { readonly name: string; readonly suspended: boolean } | null;
  readonly errors: FilesystemErrors | null;
}

/** What the filesystem wrote down about itself. */
export interface FilesystemErrors {
  /** Where the numbers are from. */
  readonly source: string;
  readonly count: number;
  /** Each counter that is not zero, as the kernel calls it. */
  readonly counters: Readonly<Record<string, number>>;
  /** ISO 8601, and where in the kernel: ext4 keeps the first and the last error. */
  readonly first: string | null;
  readonly last: string | null;
}

/** `null` where the mount has no block device that sysfs shows. */
export function readDevice(mountId: number): Device | null {
  const mount = readMountTable().byId.get(mountId);
  const folder = mount === undefined ? null : sysfsFolder(mount);
  if (mount === undefined || folder === null) return null;
  const name = posix.basename(folder);
  const disk = diskFolder(folder);
  return {
    name,
    path: `/dev/${name}`,
    disks: disksBelow(disk),
    backingFile: text(`${disk}/loop/backing_file`),
    raid: raidOf(disk),
    mapped: mappedOf(disk),
    errors: errorsOf(mount, name),
  };
}

/** A partition lies in the folder of its disk. */
function diskFolder(folder: string): string {
  return text(`${folder}/partition`) === null ? folder : posix.dirname(folder);
}

function disksBelow(folder: string): readonly Disk[] {
  const slaves = names(`${folder}/slaves`);
  // A slave may be a partition: sysfs finds it by its name.
  if (slaves.length > 0) return slaves.flatMap(slave => disksBelow(diskOf(slave)));
  return [
    {
      name: posix.basename(folder),
      model: text(`${folder}/device/model`),
      readOnly: text(`${folder}/ro`) === '1',
      ioErrors: hexadecimal(`${folder}/device/ioerr_cnt`),
    },
  ];
}

function diskOf(name: string): string {
  const own = `/sys/class/block/${name}`;
  if (text(`${own}/partition`) === null) return own;
  const disk = names('/sys/block').find(each => text(`/sys/block/${each}/${name}/partition`) !== null);
  return disk === undefined ? own : `/sys/block/${disk}`;
}

function raidOf(folder: string): Device['raid'] {
  const state = text(`${folder}/md/array_state`);
  if (state === null) return null;
  return {
    state,
    missingDisks: number(`${folder}/md/degraded`) ?? 0,
    mismatches: number(`${folder}/md/mismatch_cnt`) ?? 0,
  };
}

function mappedOf(folder: string): Device['mapped'] {
  const name = text(`${folder}/dm/name`);
  return name === null ? null : { name, suspended: text(`${folder}/dm/suspended`) === '1' };
}

function errorsOf({ type }: MountRow, name: string): FilesystemErrors | null {
  if (/^ext[234]$/.test(type)) return ext4Errors(`/sys/fs/ext4/${name}`);
  return type === 'btrfs' ? btrfsErrors(name) : null;
}

/** The numbers stay until `e2fsck` finds the filesystem clean. ext4(5), Documentation/ABI/testing/sysfs-fs-ext4 */
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

function number(path: string): number | null {
  const found = text(path);
  return found === null || !/^\d+$/.test(found) ? null : Number(found);
}

function hexadecimal(path: string): number | null {
  const found = text(path);
  return found === null || !/^0x[\da-f]+$/i.test(found) ? null : Number(found);
}

function text(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null; // Not there, or hidden by the container.
  }
}

function names(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
