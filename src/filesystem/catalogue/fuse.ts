/** Lists FUSE filesystems. All share one `f_type`; an unlisted type is unknown and refused. */
import { containerLayer, row, warned, type CatalogueRow } from './rows';

/** `f_type` of every FUSE mount. @see statfs(2) */
export const fuseMagic = 0x65735546;

const remote =
  'The kernel keeps locks for this one mount only, and the files are reached from elsewhere too: two openers lose committed rows without an error.';
const object =
  'It shows the objects of a store as files: there are no locks between clients, and a part of a file cannot be rewritten.';
const second =
  'It is correct through this one mount, and corrupts the database as soon as the same folder is reached another way.';
const cluster =
  'Several machines write the same storage, and neither the shared memory of WAL nor the locks of SQLite are known to reach the others.';

export const fuseFilesystems: readonly CatalogueRow[] = [
  containerLayer(
    row(
      ['fuse-overlayfs', ['fuse.fuse-overlayfs', 'fuse.overlayfs'], [fuseMagic]],
      'union',
      'wal',
      'measured',
      'The container layer of rootless Podman and Docker: only this container reaches it.',
    ),
    'It is the layer of a container: the database goes when the container is removed. Use a volume.',
  ),
  warned(
    row(
      ['NTFS-3G', ['fuseblk', 'fuse.ntfs-3g'], [fuseMagic]],
      'local',
      'rollback',
      'measured',
      'A disk of this machine served by a daemon: locks are local, shared memory is not known to work.',
    ),
    'crash-unsafe-filesystem',
    'A daemon decides what reaches the disk, and when.',
  ),
  row(
    ['gocryptfs, EncFS, CryFS, SecureFS', ['fuse.gocryptfs', 'fuse.encfs', 'fuse.cryfs', 'fuse.securefs'], [fuseMagic]],
    'fuse',
    'refuse',
    'measured',
    'A daemon stands between SQLite and a folder that may be reached, or synchronised, another way.',
  ),
  row(
    [
      'mergerfs, unionfs-fuse, bindfs, Unraid shfs',
      ['fuse.mergerfs', 'fuse.unionfs', 'fuse.unionfs-fuse', 'fuse.bindfs', 'fuse.shfs', 'fuse.mhddfs'],
      [fuseMagic],
    ],
    'fuse',
    'refuse',
    'measured',
    second,
  ),
  row(['SSHFS', ['fuse.sshfs'], [fuseMagic]], 'network', 'refuse', 'measured', remote),
  row(
    ['WebDAV, FTP', ['fuse.davfs', 'fuse.davfs2', 'davfs', 'fuse.curlftpfs'], [fuseMagic]],
    'network',
    'refuse',
    'general',
    remote,
  ),
  row(
    [
      'Object stores and cloud drives',
      [
        'fuse.s3fs',
        'fuse.gcsfuse',
        'fuse.rclone',
        'fuse.mountpoint-s3',
        'fuse.blobfuse',
        'fuse.blobfuse2',
        'fuse.goofys',
        'fuse.geesefs',
        'fuse.ossfs',
        'fuse.cosfs',
        'fuse.google-drive-ocamlfuse',
        'fuse.onedriver',
      ],
      [fuseMagic],
    ],
    'network',
    'refuse',
    'reported',
    object,
  ),
  row(
    [
      'Ceph, Gluster, MooseFS, JuiceFS, SeaweedFS by FUSE',
      [
        'fuse.ceph-fuse',
        'fuse.ceph',
        'fuse.glusterfs',
        'fuse.mfs',
        'fuse.lizardfs',
        'fuse.juicefs',
        'fuse.seaweedfs',
        'fuse.alluxio-fuse',
        'fuse.nfs',
        'fuse.smbnetfs',
      ],
      [fuseMagic],
    ],
    'cluster',
    'refuse',
    'general',
    cluster,
  ),
  row(
    [
      'SquashFS, archives by FUSE',
      ['fuse.squashfuse', 'fuse.fuseiso', 'fuse.archivemount', 'fuse.ratarmount'],
      [fuseMagic],
    ],
    'read-only',
    'read-only',
    'measured',
    'It is a read-only image.',
  ),
  row(
    ['lxcfs', ['fuse.lxcfs'], [fuseMagic]],
    'pseudo',
    'refuse',
    'general',
    "It shows the kernel's own tables and keeps no files.",
  ),
];
