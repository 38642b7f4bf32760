/** Lists Linux filesystems that several machines or several kernels share. */
import { row, type CatalogueRow } from './rows';

const network =
  'Clients do not share memory, so WAL cannot work between them, and locks hold only as well as the server and the mount options let them: several openers lose committed rows without an error.';
const cluster =
  'Several machines write the same storage, and neither the shared memory of WAL nor the locks of SQLite are known to reach the others: committed rows can be lost without an error.';
const share =
  'Two kernels reach the same files, and neither sees the locks and the memory maps of the other: both may write at once, and committed rows are lost without an error.';

/** Magic numbers: statfs(2), and `src/stat.c` of coreutils. */
export const sharedFilesystems: readonly CatalogueRow[] = [
  row(['NFS', ['nfs', 'nfs4', 'nfs3'], [0x6969]], 'network', 'refuse', 'measured', network),
  row(
    ['SMB/CIFS', ['cifs', 'smb3', 'smb2', 'smbfs', 'smb'], [0xff534d42, 0xfe534d42, 0x517b]],
    'network',
    'refuse',
    'measured',
    'Locks of SMB are mandatory and fail SQLite with SQLITE_BUSY; with `nobrl` there are none, and two writers lose committed rows without an error.',
  ),
  row(
    ['AFS', ['afs', 'auristorfs'], [0x5346414f, 0x6b414653]],
    'network',
    'refuse',
    'general',
    'The last client to close a file overwrites what the others wrote.',
  ),
  row(['Coda, NCP', ['coda', 'ncpfs'], [0x73757245, 0x564c]], 'network', 'refuse', 'general', network),
  row(['Ceph', ['ceph'], [0x00c36400]], 'cluster', 'refuse', 'general', cluster),
  row(['GlusterFS', ['glusterfs'], []], 'cluster', 'refuse', 'general', cluster),
  row(['Lustre', ['lustre'], [0x0bd00bd0]], 'cluster', 'refuse', 'general', cluster),
  row(['GPFS', ['gpfs'], [0x47504653]], 'cluster', 'refuse', 'general', cluster),
  row(['BeeGFS', ['beegfs', 'fhgfs'], [0x19830326]], 'cluster', 'refuse', 'general', cluster),
  row(['PanFS', ['panfs'], [0xaad7aaea]], 'cluster', 'refuse', 'general', cluster),
  row(['OrangeFS', ['orangefs', 'pvfs2'], [0x20030528]], 'cluster', 'refuse', 'general', cluster),
  row(
    [
      'StorNext, IBRIX, ACFS, VxFS and others',
      ['snfs', 'stnfs', 'ibrix', 'acfs', 'vxfs', 'gfs', 'cachefs', 'netfs', 'userlandfs', 'websearchfs'],
      [0xbeefdead, 0x013111a8, 0x61636673, 0xa501fcf5],
    ],
    'cluster',
    'refuse',
    'general',
    cluster,
  ),
  row(['GFS2, OCFS2', ['gfs2', 'ocfs2'], [0x01161970, 0x7461636f]], 'cluster', 'refuse', 'general', cluster),
  row(['9p', ['9p'], [0x01021997]], 'vm-share', 'refuse', 'measured', share),
  row(['virtiofs', ['virtiofs', 'fuse.virtiofs'], [0x65735546]], 'vm-share', 'refuse', 'measured', share),
  row(
    ['Docker Desktop share', ['fakeowner', 'osxfs', 'fuse.osxfs', 'fuse.grpcfuse', 'grpcfuse'], []],
    'vm-share',
    'refuse',
    'reported',
    share,
  ),
  row(['VirtualBox share', ['vboxsf'], [0x786f4256]], 'vm-share', 'refuse', 'general', share),
  row(['VMware share', ['vmhgfs', 'fuse.vmhgfs-fuse'], [0xbacbacbc]], 'vm-share', 'refuse', 'general', share),
  row(['Parallels share', ['prl_fs'], [0x7c7c6673]], 'vm-share', 'refuse', 'general', share),
  row(['hostfs (User Mode Linux)', ['hostfs'], [0x00c0ffee]], 'vm-share', 'refuse', 'measured', share),
  row(['WSL 1 Windows drive', ['drvfs'], []], 'vm-share', 'refuse', 'reported', share),
];
