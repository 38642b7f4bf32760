/** Lists Linux filesystems that belong to this kernel alone: disk, memory, union, image, kernel tables. */
import { nonDurable, row, warned, type CatalogueRow } from './rows';

const disk = 'A disk filesystem of this kernel: locks, shared memory and fsync are its own.';
const weak = 'crash-unsafe-filesystem';
const noJournal = 'It has no journal: after a power cut the filesystem check may cut files short or drop them.';
const tables = "It shows the kernel's own tables and keeps no files.";

/** Magic numbers: statfs(2), and `src/stat.c` of coreutils. */
export const localFilesystems: readonly CatalogueRow[] = [
  row(['ext4', ['ext4'], [0xef53]], 'local', 'wal', 'measured', disk),
  row(['ext3', ['ext3'], [0xef53]], 'local', 'wal', 'measured', disk),
  warned(row(['ext2', ['ext2'], [0xef53]], 'local', 'wal', 'measured', disk), weak, noJournal),
  row(['XFS', ['xfs'], [0x58465342]], 'local', 'wal', 'measured', disk),
  row(['Btrfs', ['btrfs'], [0x9123683e]], 'local', 'wal', 'measured', disk),
  warned(
    row(['ZFS', ['zfs'], [0x2fc12fc1]], 'local', 'wal', 'general', disk),
    'sync-setting-unseen',
    'The mount table does not show whether the dataset has `sync=disabled`, which turns fsync off; see `zfs get sync`.',
  ),
  row(['F2FS', ['f2fs'], [0xf2f52010]], 'local', 'wal', 'measured', disk),
  row(['JFS', ['jfs'], [0x3153464a]], 'local', 'wal', 'measured', disk),
  warned(
    row(['NILFS2', ['nilfs2'], [0x3434]], 'local', 'wal', 'measured', disk),
    weak,
    'It is rarely used, and its behaviour after a power cut is unknown.',
  ),
  warned(
    row(['ReiserFS', ['reiserfs'], [0x52654973]], 'local', 'wal', 'general', disk),
    weak,
    'Linux no longer maintains it.',
  ),
  warned(
    row(['bcachefs', ['bcachefs'], [0xca451a4e]], 'local', 'wal', 'general', disk),
    weak,
    'It is not in mainline Linux and still experimental.',
  ),
  warned(
    row(['NTFS (kernel driver)', ['ntfs3', 'ntfs'], [0x7366746e, 0x5346544e]], 'local', 'wal', 'general', disk),
    weak,
    'The Linux driver replays the NTFS journal in part only: after a power cut files may be damaged.',
  ),
  warned(
    row(['HFS, HFS+', ['hfs', 'hfsplus'], [0x4244, 0x482b, 0x4858]], 'local', 'wal', 'general', disk),
    weak,
    'The Linux driver writes it without its journal.',
  ),
  warned(
    row(
      ['exFAT', ['exfat'], [0x2011bab0]],
      'local',
      'rollback',
      'measured',
      'A removable-media filesystem of this kernel.',
    ),
    weak,
    noJournal,
  ),
  warned(
    row(
      ['FAT', ['vfat', 'msdos'], [0x4d44]],
      'local',
      'rollback',
      'measured',
      'A removable-media filesystem of this kernel.',
    ),
    weak,
    `${noJournal} A file cannot grow beyond 4 GiB.`,
  ),
  warned(
    row(
      ['UDF, Minix, UFS', ['udf', 'minix', 'ufs'], [0x15013346, 0x137f, 0x138f, 0x2468, 0x2478, 0x4d5a, 0x00011954]],
      'local',
      'rollback',
      'general',
      'A filesystem of this kernel that is rarely written.',
    ),
    weak,
    noJournal,
  ),
  warned(
    row(
      ['eCryptfs', ['ecryptfs'], [0xf15f]],
      'union',
      'wal',
      'general',
      'It encrypts the files of another folder, whose filesystem is judged too.',
    ),
    'stacked-filesystem',
    'It stands on another filesystem, and whether fsync reaches the disk is decided there.',
  ),
  nonDurable(
    row(
      ['tmpfs', ['tmpfs', 'devtmpfs'], [0x01021994]],
      'memory',
      'wal',
      'measured',
      'Files live in memory; locks and shared memory are correct.',
    ),
    'tmpfs keeps files in memory: the database is gone after a restart of the machine or an unmount.',
  ),
  nonDurable(
    row(
      ['ramfs', ['ramfs', 'rootfs'], [0x858458f6]],
      'memory',
      'wal',
      'measured',
      'Files live in memory; locks and shared memory are correct.',
    ),
    'ramfs keeps files in memory, without a limit: the database is gone after a restart of the machine or an unmount.',
  ),
  row(
    ['hugetlbfs', ['hugetlbfs'], [0x958458f6]],
    'pseudo',
    'refuse',
    'source',
    'It holds huge memory pages and cannot be written with write(2).',
  ),
  row(
    ['overlay', ['overlay', 'overlayfs'], [0x794c7630]],
    'union',
    'wal',
    'measured',
    'A union of local folders in this kernel: locks, shared memory and copy-up are correct.',
  ),
  warned(
    row(['aufs', ['aufs'], [0x61756673]], 'union', 'wal', 'general', 'A union of local folders in this kernel.'),
    'stacked-filesystem',
    'It stands on other filesystems, and whether fsync reaches the disk is decided there.',
  ),
  row(
    [
      'SquashFS, EROFS, ISO 9660, cramfs, romfs',
      ['squashfs', 'erofs', 'iso9660', 'cramfs', 'romfs'],
      [0x73717368, 0xe0f5e1e2, 0x9660, 0x28cd3d45, 0x7275],
    ],
    'read-only',
    'read-only',
    'measured',
    'It is a read-only image.',
  ),
  row(
    [
      'proc, sysfs and other kernel tables',
      [
        'proc',
        'sysfs',
        'cgroup',
        'cgroup2',
        'devpts',
        'debugfs',
        'tracefs',
        'securityfs',
        'configfs',
        'bpf',
        'mqueue',
        'pstore',
        'efivarfs',
        'fusectl',
        'binfmt_misc',
        'selinuxfs',
        'rpc_pipefs',
        'nfsd',
        'nsfs',
        'nullfs',
        'cpuset',
      ],
      [
        0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x1cd1, 0x64626720, 0x74726163, 0x73636673, 0x62656570, 0xcafe4a11,
        0x19800202, 0x6165676c, 0xde5e81e4, 0x65735543, 0x42494e4d, 0xf97cff8c, 0x67596969, 0x6e667364, 0x6e736673,
        0x4e554c4c,
      ],
    ],
    'pseudo',
    'refuse',
    'source',
    tables,
  ),
  row(
    ['autofs', ['autofs'], [0x0187]],
    'unknown',
    'refuse',
    'source',
    'An automount point that has not mounted its filesystem, which is still unknown.',
  ),
  warned(
    row(
      ['WSL 1 root', ['lxfs', 'wslfs'], [0x53464846]],
      'local',
      'wal',
      'general',
      'The root of a WSL 1 distribution, on a folder of NTFS that Windows programs must not touch.',
    ),
    weak,
    'WSL 1 translates Linux file calls to Windows: open the database from Linux programs only.',
  ),
];
