/** Reads from sysfs the block device under a mount: RAM disks, loop files, the write cache. */
import { readlinkSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { exists } from '../../base/exists';
import { deviceName } from './descriptor';
import { readKernelText } from './kernel-text';
import { hasJournal } from './mount-options';
import type { MountRow, MountTable } from './mount-table';
import type { FilesystemWarning } from '../report';

export interface BlockDeviceFacts {
  /** All options of ext2, ext3, ext4, including those missing in the mount table; `null` if unreadable. */
  readonly ext4Options: readonly string[] | null;
  readonly nonDurable: boolean;
  readonly warnings: readonly FilesystemWarning[];
  readonly notes: readonly string[];
  /** The file of a loop device; `null` for other devices. */
  readonly backingFile: string | null;
}

const nothing: BlockDeviceFacts = { ext4Options: null, nonDurable: false, warnings: [], notes: [], backingFile: null };

const known = new WeakMap<MountTable, Map<number, BlockDeviceFacts>>();

/**
 * Cached until the mount table changes: the device of a mount and the options of ext4 stay the same until the filesystem
 * is mounted anew or remounted. A filesystem that got its journal meanwhile, or another image on the same loop device,
 * may be mounted with the same line in the table: these are read each time.
 */
export function inspectBlockDevice(mount: MountRow, table: MountTable): BlockDeviceFacts {
  let mounts = known.get(table);
  if (mounts === undefined) known.set(table, (mounts = new Map()));
  const cached = mounts.get(mount.id);
  if (cached !== undefined) return cached;
  const facts = readBlockDevice(mount);
  if (isLasting(facts)) mounts.set(mount.id, facts);
  return facts;
}

function isLasting({ ext4Options, backingFile }: BlockDeviceFacts): boolean {
  return (ext4Options === null || hasJournal(ext4Options)) && backingFile === null;
}

function readBlockDevice(mount: MountRow): BlockDeviceFacts {
  const sysfs = sysfsFolder(mount);
  if (sysfs === null) return nothing;
  const name = posix.basename(sysfs);
  const ext4Options = /^ext[234]$/.test(mount.type) ? readLines(`/proc/fs/ext4/${name}/options`) : null;
  const found = /^(?:zram|ram)\d/.test(name) ? memoryDevice(name) : loopDevice(sysfs, name);
  // A partition has no queue of its own: its disk, the folder above, has.
  const cache = readLine(`${sysfs}/queue/write_cache`) ?? readLine(`${posix.dirname(sysfs)}/queue/write_cache`);
  const notes = cache === null ? [] : [`The kernel treats the cache of ${name} as "${cache}".`];
  return { ...found, ext4Options, notes: [...notes, ...found.notes] };
}

/** Btrfs has a device number of its own (major 0); its source names the disk. */
export function sysfsFolder(mount: MountRow): string | null {
  const device = mount.device.startsWith('0:') ? sourceDevice(mount.source) : mount.device;
  if (device === null) return null;
  try {
    return posix.resolve('/sys/dev/block', readlinkSync(`/sys/dev/block/${device}`));
  } catch {
    return null;
  }
}

function sourceDevice(source: string): string | null {
  if (!source.startsWith('/dev/')) return null;
  try {
    const stats = statSync(source, { bigint: true });
    return stats.isBlockDevice() ? deviceName(stats.rdev) : null;
  } catch {
    return null;
  }
}

type Found = Omit<BlockDeviceFacts, 'ext4Options'>;

function memoryDevice(name: string): Found {
  const message = `The filesystem is on ${name}, a disk made of memory: the database is gone after a restart of the machine.`;
  return { nonDurable: true, warnings: [{ code: 'non-durable-filesystem', message }], notes: [], backingFile: null };
}

/** Judges a loop device by the filesystem of its file. */
function loopDevice(sysfs: string, name: string): Found {
  const disk = /^loop\d+$/.test(name) ? sysfs : posix.dirname(sysfs);
  const backingFile = readLine(`${disk}/loop/backing_file`);
  // Empty where a container hides it.
  if (backingFile === null || backingFile === '') return nothing;
  return {
    nonDurable: false,
    warnings: [],
    notes: [`${posix.basename(disk)} is the file ${backingFile}.`],
    backingFile,
  };
}

function readLine(path: string): string | null {
  return readLines(path)?.[0] ?? null;
}

function readLines(path: string): readonly string[] | null {
  // A thrown error costs more than this check: most of these files do not exist.
  if (!exists(path)) return null;
  try {
    return readKernelText(path, 'utf8').trimEnd().split('\n');
  } catch {
    return null; // Missing, or hidden by the container.
  }
}
