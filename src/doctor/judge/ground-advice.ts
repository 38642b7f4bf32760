/** Advises on each warning about the filesystem, with the device and the mount filled in. Pure. */
import { shellWord } from '../../base/terminal-text';
import type { Device } from '../../filesystem/linux/device';
import type { FilesystemReport } from '../../filesystem/report';
import type { Advice } from './finding';

interface Ground {
  /** Path of the device, for a command. */
  readonly device: string;
  readonly type: string;
  /** Mount point, for a command. */
  readonly mount: string;
  /** The filesystem of the system itself, which cannot be unmounted while it runs; also where the mount is unknown. */
  readonly isRoot: boolean;
  readonly backingFile: string | null;
  readonly source: string | null;
}

const lost = 'An acknowledged commit can be lost there.';
const damaged = 'A power cut can lose acknowledged commits, and the database with them.';
const gone = 'The database is removed with its storage, without a power cut or a crash.';

/** The option that restores barriers. @see ext4(5), btrfs(5), f2fs.rst */
const barriers: ReadonlyMap<string, string> = new Map([
  ['btrfs', 'barrier'],
  ['f2fs', 'fsync_mode=posix'],
]);

type Rule = (ground: Ground) => Advice;

const elsewhere: Rule = () => ({ why: lost, action: 'Move the database to a disk of this machine.' });

/** The first command only looks: it is the one that is offered as the next. tune2fs(8) */
const addJournal: Rule = ({ device, mount, backingFile, isRoot }) => {
  if (isRoot) {
    return {
      why: damaged,
      action:
        'Move the database to a disk with a journal. Or give this filesystem one from a rescue system, where it is not mounted: `tune2fs -O has_journal`, then `e2fsck -f`.',
      commands: [`tune2fs -l ${device} | grep features`],
    };
  }
  // The loop device of `mount -o loop` goes with its mount: the image is what remains.
  const image = backingFile === null ? null : shellWord(backingFile);
  const target = image ?? device;
  return {
    why: damaged,
    action:
      'Give the filesystem a journal: stop the program and run the commands, which unmount it and mount it again. Or move the database to another disk.',
    commands: [
      `tune2fs -l ${device} | grep features`,
      `umount ${mount}`,
      `tune2fs -O has_journal ${target}`,
      `e2fsck -fp ${target}`,
      `mount ${image === null ? '' : '-o loop '}${target} ${mount}`,
    ],
  };
};

const advice: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['non-durable-filesystem', () => ({ why: gone, action: 'Move the database to a disk: this filesystem is memory.' })],
  ['container-layer', () => ({ why: gone, action: 'Mount a volume into the container, and put the database on it.' })],
  [
    'pod-lifetime',
    () => ({ why: gone, action: 'Replace the emptyDir volume by a persistent volume claim (ReadWriteOncePod).' }),
  ],
  [
    'volatile-overlay',
    () => ({ why: damaged, action: 'Mount the overlay without `volatile`, or put the database on a volume.' }),
  ],
  [
    'no-write-barrier',
    ({ type, mount }) => ({
      why: damaged,
      action: 'Mount it with barriers, now and in /etc/fstab.',
      commands: [`mount -o remount,${barriers.get(type) ?? 'barrier=1'} ${mount}`],
    }),
  ],
  ['no-journal', addJournal],
  [
    'asynchronous-journal',
    ({ mount, isRoot }) => ({
      why: damaged,
      action: `Take \`journal_async_commit\` out of the options of ${mount} in /etc/fstab, ${isRoot ? 'and restart the machine' : 'unmount it and mount it again'}.`,
    }),
  ],
  [
    'nested-filesystem',
    ({ backingFile }) => ({
      why: lost,
      action: `Move the image${backingFile === null ? '' : ` ${backingFile}`} to a disk of this machine, or move the database out of the image.`,
    }),
  ],
  [
    'crash-unsafe-filesystem',
    () => ({ why: damaged, action: 'Move the database to ext4, XFS or Btrfs (APFS on a Mac, NTFS on Windows).' }),
  ],
  [
    'sync-setting-unseen',
    ({ source }) => ({
      why: 'With `sync=disabled` ZFS drops every fsync, and a power cut loses the last commits.',
      action: 'Check the setting: `standard` and `always` are safe.',
      commands: [`zfs get sync ${shellWord(source ?? '<dataset>')}`],
    }),
  ],
  ['stacked-filesystem', () => ({ why: lost, action: 'Put the database on the filesystem below the stack.' })],
  ['single-sandbox', () => ({ why: lost, action: 'Let only this sandbox open the database: one replica, one pod.' })],
  [
    'mount-not-visible',
    () => ({
      why: 'The options of the mount decide whether a sync reaches the disk.',
      action: 'Run the doctor outside the chroot, where the mount can be seen.',
    }),
  ],
  [
    'synchronised-folder',
    () => ({
      why: 'The client copies and replaces the database without its -wal.',
      action: 'Move the database out of the folder, and synchronize backups instead.',
    }),
  ],
  ['network-mount-options', elsewhere],
  [
    'filesystem-failed',
    ({ mount, isRoot }) => ({
      why: 'The kernel met damage of the filesystem or of the disk.',
      action: isRoot
        ? 'Read the kernel log, stop the programs, copy the database to another disk, and check the filesystem from a rescue system, where it is not mounted.'
        : `Read the kernel log, stop the programs, unmount ${mount}, check it with the commands below, and mount it again.`,
    }),
  ],
]);

/** What to do about a warning of the filesystem report. */
export function groundAdvice(code: string, report: FilesystemReport, device: Device | null): Advice {
  const rule = advice.get(code) ?? elsewhere;
  return rule({
    device: shellWord(device?.path ?? report.source ?? '<device>'),
    type: report.type,
    mount: shellWord(report.mountPoint ?? '/'),
    isRoot: (report.mountPoint ?? '/') === '/',
    backingFile: device?.backingFile ?? null,
    source: report.source,
  });
}
