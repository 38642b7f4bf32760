/** The grounds on which the power can be cut, by name, and what each needs of the machine. */
import { whyNoMounts, whyNoType, type Lab } from '../../mounts/lab.mts';
import { whyNoCompiler } from '../../support/compile-c.mts';
import { deviceGround } from './device-ground.mts';
import type { Ground } from './ground.mts';
import { filesystems, shutdownGround, type FilesystemName } from './shutdown-ground.mts';

export const groundNames = ['ext4-shutdown', 'xfs-shutdown', 'ext4-device', 'xfs-device'] as const;
export type GroundName = (typeof groundNames)[number];

/** `false`, or why this filesystem cannot be made here. */
export function whyNoGround(name: GroundName): string | false {
  const { type, device } = partsOf(name);
  const tools = ['losetup', filesystems[type].mkfs[0], ...(device ? ['nbdfuse'] : [])];
  return whyNoMounts(...tools) || whyNoType(type) || (device ? whyNoType('fuse') : (whyNoCompiler() ?? false));
}

export async function makeGround(name: GroundName, lab: Lab): Promise<Ground> {
  const { type, device } = partsOf(name);
  return device ? deviceGround(lab, type) : shutdownGround(lab, type);
}

function partsOf(name: GroundName): { readonly type: FilesystemName; readonly device: boolean } {
  return { type: name.startsWith('ext4') ? 'ext4' : 'xfs', device: name.endsWith('device') };
}
