/** Lists the filesystems of macOS by the type that `/sbin/mount` prints. Untested: this project has no Mac. */
import { row, warned, type CatalogueRow } from './rows';

const disk = 'A disk filesystem of this Mac.';
const noSharedMemory =
  'SQLite uses other locks there and has no shared memory: `journal_mode=WAL` silently has no effect, and other clients are not known to see the locks.';

/** SQLite's own choice of locks by type: `autolockIoFinderImpl` in its os_unix.c. */
export const darwinFilesystems: readonly CatalogueRow[] = [
  row(['APFS', ['apfs'], []], 'local', 'wal', 'source', disk),
  row(['HFS+ (macOS)', ['hfs'], []], 'local', 'wal', 'source', disk),
  warned(
    row(
      ['exFAT, FAT (macOS)', ['exfat', 'msdos', 'fskit_msdos', 'fskit_exfat'], []],
      'local',
      'rollback',
      'general',
      'A removable-media filesystem.',
    ),
    'crash-unsafe-filesystem',
    'It has no journal: after a power cut the filesystem check may cut files short or drop them.',
  ),
  row(
    ['CD, DVD, NTFS (macOS)', ['cd9660', 'udf', 'ntfs'], []],
    'read-only',
    'read-only',
    'general',
    'A Mac reads it and does not write it.',
  ),
  row(['SMB (macOS)', ['smbfs'], []], 'network', 'refuse', 'source', noSharedMemory),
  row(['NFS (macOS)', ['nfs'], []], 'network', 'refuse', 'source', noSharedMemory),
  row(['AFP (macOS)', ['afpfs'], []], 'network', 'refuse', 'source', noSharedMemory),
  row(
    ['WebDAV, FTP (macOS)', ['webdav', 'ftp'], []],
    'network',
    'refuse',
    'source',
    'SQLite takes no locks at all there.',
  ),
  row(
    ['autofs (macOS)', ['autofs'], []],
    'unknown',
    'refuse',
    'general',
    'An automount point that has not mounted its filesystem.',
  ),
  row(
    ['macFUSE, FSKit', ['osxfuse', 'macfuse', 'fusefs', 'fuse-t', 'lifs', 'fskit'], []],
    'fuse',
    'refuse',
    'general',
    'A user-space filesystem, about which the kernel knows nothing.',
  ),
  row(
    ['virtiofs (macOS guest)', ['virtiofs', 'AppleVirtIOFS'], []],
    'vm-share',
    'refuse',
    'general',
    'Two kernels reach the same files, and neither sees the locks of the other.',
  ),
  row(
    ['devfs (macOS)', ['devfs', 'nullfs', 'synthfs', 'routefs'], []],
    'pseudo',
    'refuse',
    'source',
    "It shows the kernel's own tables and keeps no files.",
  ),
];
