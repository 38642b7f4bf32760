/**
 * Reads the block device under a mount: its name, its disks, and the kernel's error counters. Reads only sysfs and
 * `/proc`.
 */
import { posix } from 'node:path';
import { sysfsFolder } from './block-device';
import { errorCounters, type FilesystemErrors } from './error-counters';
import { readMountTable } from './linux-tables';
import { hexadecimal, names, number, text } from './sysfs';

export interface Disk {
  /** For example `'sda'`, `'nvme0n1'`, `'md0'`. */
  readonly name: string;
  /** Model name, for recognition; `null` for a virtual disk. */
  readonly model: string | null;
  readonly readOnly: boolean;
  /** Failed requests as counted by SCSI; `null` if they are not counted. */
  readonly ioErrors: number | null;
}

export interface Device {
  /** For example `'sda1'`. */
  readonly name: string;
  /** Path for command line tools, for example `'/dev/sda1'`. */
  readonly path: string;
  /** The disks below it, through partitions, RAID, encryption and volumes. */
  readonly disks: readonly Disk[];
  /** The file of a loop device. */
  readonly backingFile: string | null;
  /** State of a software RAID; `null` for other devices. */
  readonly raid: { readonly state: string; readonly missingDisks: number; readonly mismatches: number } | null;
  /** Name of a device-mapper volume, and whether it is suspended, which blocks every write. */
  readonly mapped: { readonly name: string; readonly suspended: boolean } | null;
  readonly errors: FilesystemErrors | null;
}

/** Returns `null` if the mount has no block device in sysfs. */
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
    // Empty where a container hides it.
    backingFile: text(`${disk}/loop/backing_file`) || null,
    raid: raidOf(disk),
    mapped: mappedOf(disk),
    errors: errorCounters(mount, name)?.() ?? null,
  };
}

/** A partition is in the folder of its disk. */
function diskFolder(folder: string): string {
  return text(`${folder}/partition`) === null ? folder : posix.dirname(folder);
}

function disksBelow(folder: string): readonly Disk[] {
  const slaves = names(`${folder}/slaves`);
  // A slave may be a partition; sysfs finds it by name.
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
