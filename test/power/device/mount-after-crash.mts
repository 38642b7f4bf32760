/** Mounts what a crash left of a filesystem. */
import { spawnSync } from 'node:child_process';
import type { Lab } from '../../mounts/lab.mts';

/**
 * Mounts as a boot does. True when the filesystem had to be repaired for that.
 *
 * The superblock of ext4 takes two sectors of 512 bytes and has a checksum over both. A disk that keeps one of them leaves
 * a filesystem that the kernel refuses to mount; fsck takes the copy of the superblock and plays the journal back. xfs
 * fits its superblock into one sector.
 */
export function mountAfterCrash(lab: Lab, type: 'ext4' | 'xfs', target: string, device: string): boolean {
  try {
    lab.mountAt(target, device);
    return false;
  } catch (error) {
    if (type !== 'ext4') throw error;
    const { status, stdout } = spawnSync('e2fsck', ['-f', '-y', device], { encoding: 'utf8' });
    // 1: errors were corrected.
    if (status !== 0 && status !== 1) throw new Error(`e2fsck cannot repair ${device}:\n${stdout}`, { cause: error });
    lab.mountAt(target, device);
    return true;
  }
}
