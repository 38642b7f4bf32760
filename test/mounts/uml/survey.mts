/** Surveys every mount that User Mode Linux can make here: two guests side by side, a row a mount. */
import { bootUml, umlMissing } from './boot.mts';
import type { Family, Row } from './row.mts';

/** Services and tools that the guests run, by the Debian package that has each. */
const packageOf: Readonly<Record<string, string>> = {
  '/usr/sbin/rpcbind': 'rpcbind',
  '/usr/sbin/rpc.nfsd': 'nfs-kernel-server',
  '/sbin/mount.nfs': 'nfs-common',
  '/usr/sbin/smbd': 'samba',
  '/sbin/mount.cifs': 'cifs-utils',
  '/usr/sbin/diod': 'diod',
  '/sbin/mkfs.ext4': 'e2fsprogs',
  '/sbin/mkfs.f2fs': 'f2fs-tools',
  '/sbin/mkfs.jfs': 'jfsutils',
  '/sbin/mkfs.nilfs2': 'nilfs-tools',
  '/sbin/mkfs.vfat': 'dosfstools',
};

/** Most of the time goes by in SQLite's own waits of 10 s for a lock protocol that works nowhere here. */
const guests: readonly (readonly Family[])[] = [['nfs'], ['cifs', '9p', 'local']];

/** An undisturbed guest needs about 60 s. */
const deadlineSeconds = 105;

/** Why the survey cannot run here, or `undefined`. */
export function surveyMissing(): string | undefined {
  return umlMissing(packageOf);
}

export async function survey(): Promise<readonly Row[]> {
  const program = new URL('matrix.mts', import.meta.url);
  const runs = await Promise.all(guests.map(input => bootUml({ program, input, deadlineSeconds })));
  return runs.flatMap(({ results }) => results as Row[]);
}
