/** Lists the commands that check the storage, for the given filesystem and device. Pure. */
import { shellWord } from '../../base/terminal-text';
import type { Device } from '../../filesystem/linux/device';
import type { FilesystemReport } from '../../filesystem/report';

/** None of them writes; those that need the filesystem unmounted say so after `#`. */
export function storageCommands(ground: FilesystemReport | undefined, device: Device | null): readonly string[] {
  if (ground === undefined) return [];
  if (ground.platform === 'win32') return windowsCommands(ground.mountPoint);
  if (ground.platform === 'darwin') return darwinCommands(ground.mountPoint);
  if (ground.platform !== 'linux') return [];
  const names = device === null ? [] : [device.name, ...device.disks.map(({ name }) => name)];
  const words = [...new Set([...names, ground.type, 'I/O error'])].join('|');
  return [
    `dmesg -T | grep -E '${words}' | tail -50`,
    `journalctl -k --since -1d | grep -E '${words}'`,
    ...filesystemCommands(ground, device),
    ...(device === null ? [] : deviceCommands(device)),
  ];
}

/** The providers of the event log that report disks and filesystems. `chkdsk` without `/f` only reads. */
function windowsCommands(root: string | null): readonly string[] {
  const providers = ['disk', 'Ntfs', 'Microsoft-Windows-Ntfs', 'storahci', 'stornvme'];
  const from = providers.map(name => `@Name='${name}'`).join(' or ');
  const drive = root === null ? null : /^[A-Za-z]:/.exec(root)?.[0];
  return [
    `wevtutil qe System "/q:*[System[Level<=3 and Provider[${from}]]]" /c:50 /rd:true /f:text`,
    'powershell -NoProfile -Command "Get-PhysicalDisk | Format-List FriendlyName, HealthStatus, OperationalStatus"',
    ...(drive === null || drive === undefined ? [] : [`chkdsk ${drive}  # as administrator`]),
  ];
}

function darwinCommands(mountPoint: string | null): readonly string[] {
  const at = shellWord(mountPoint ?? '/');
  return [
    `log show --last 1d --predicate 'processID == 0' | grep -iE 'disk[0-9]|apfs|I/O error' | tail -50`,
    `diskutil info ${at}`,
    `diskutil verifyVolume ${at}`,
  ];
}

function filesystemCommands({ type, mountPoint }: FilesystemReport, device: Device | null): readonly string[] {
  const at = shellWord(mountPoint ?? '/');
  const path = device?.path ?? '<device>';
  const unmounted =
    at === '/' ? '# only from a rescue system, where it is not mounted' : `# only when ${at} is unmounted`;
  if (/^ext[234]$/.test(type))
    return [`tune2fs -l ${path} | grep -iE 'state|error|checked'`, `e2fsck -fn ${path}  ${unmounted}`];
  if (type === 'xfs') return [`xfs_scrub -n ${at}`, `xfs_repair -n ${path}  ${unmounted}`];
  if (type === 'btrfs') {
    return [`btrfs device stats ${at}`, `btrfs scrub start -Bdr ${at}`, `btrfs check --readonly ${path}  ${unmounted}`];
  }
  if (type === 'zfs') return ['zpool status -v', 'zpool events -v | tail -50'];
  if (type === 'f2fs') return [`fsck.f2fs --dry-run ${path}  ${unmounted}`];
  return [];
}

function deviceCommands({ disks, raid, mapped, name, backingFile }: Device): readonly string[] {
  return [
    ...(raid === null ? [] : ['cat /proc/mdstat', `mdadm --detail /dev/${name}`]),
    ...(mapped === null ? [] : [`dmsetup status ${mapped.name}`]),
    ...(backingFile === null
      ? []
      : [`npx safe-sqlite doctor ${shellWord(backingFile)}  # the storage of the loop device`]),
    ...disks.flatMap(disk => diskCommands(disk.name)),
  ];
}

/** A virtual disk has no SMART: its provider has the console and the log. */
function diskCommands(name: string): readonly string[] {
  const namespace = /^nvme\d+n\d+$/.test(name);
  if (namespace) return [`nvme smart-log /dev/${name}`, `smartctl -a /dev/${name}`];
  return /^(?:sd|hd)[a-z]+$/.test(name) ? [`smartctl -a /dev/${name}`] : [];
}
