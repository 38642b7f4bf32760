/** Puts `sudo` before the commands that only root can run. Pure. */
import type { Finding } from '../diagnosis';

/** They open a device, read the kernel's log, mount, or give files to another user. */
const rootOnly =
  /^(?:tune2fs|e2fsck|fsck[.\w]*|xfs_\w+|btrfs|zpool events|mount|umount|dmesg|journalctl|smartctl|nvme|dmsetup|mdadm|chown|chattr) /;

/** `uid` is that of the current user; `null` on Windows, which has no such commands. */
export function asRoot(command: string, uid: number | null): string {
  return uid !== null && uid !== 0 && rootOnly.test(command) ? `sudo ${command}` : command;
}

export function commandsAsRoot(findings: readonly Finding[], uid: number | null): readonly Finding[] {
  return findings.map(finding => ({ ...finding, commands: finding.commands.map(command => asRoot(command, uid)) }));
}
