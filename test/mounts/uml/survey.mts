/** Surveys every mount that User Mode Linux can make here: guests side by side, a row a mount. */
import { bootUml, umlMissing } from './boot.mts';
import { familyNames, type Family, type Row } from './row.mts';

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

/**
 * Side by side, because most of the time goes by in SQLite's own waits of 10 s for a lock protocol that works nowhere here.
 * Two and no more: on a machine with two processors three slow each other down until mounting takes minutes.
 */
const guests: readonly (readonly Family[])[] = [
  ['nfs', '9p', 'hostfs'],
  ['cifs', 'nfs 3', 'local'],
];

/** An undisturbed guest needs about a minute; beside other tests it may be several. */
const deadlineSeconds = 300;

/** Why the survey cannot run here, or `undefined`. */
export function surveyMissing(): string | undefined {
  return umlMissing(packageOf);
}

export async function survey(): Promise<readonly Row[]> {
  const program = new URL('matrix.mts', import.meta.url);
  // Every guest has ended, one way or another, before this does.
  const runs = await Promise.allSettled(guests.map(input => bootUml({ program, input, deadlineSeconds })));
  const rows = runs.flatMap(run => {
    if (run.status === 'rejected') throw run.reason;
    return run.value.results as Row[];
  });
  return rows.toSorted((a, b) => familyNames.indexOf(a.family) - familyNames.indexOf(b.family));
}
