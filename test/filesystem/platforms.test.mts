/** Tests the decision on each platform, from the mount table that a process sees there. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { UnsafeFilesystemError } from 'safe-sqlite';
import { assembleReport } from '../../dist/filesystem/assemble-report.js';
import { judgeMount } from '../../dist/filesystem/linux/judge-mount.js';
import { sandboxOf } from '../../dist/filesystem/linux/linux-tables.js';
import { mountOf, parseMountTable } from '../../dist/filesystem/linux/mount-table.js';
import type { PreflightFacts } from '../../dist/filesystem/preflight-facts.js';
import type { FilesystemReport } from '../../dist/filesystem/report.js';
import { decide } from '../../dist/policy/decide.js';
import { judgePreflight } from '../../dist/policy/preflight.js';

const fixtures = new URL('fixtures/', import.meta.url);

/** `/proc/version` and `osrelease` where they matter. */
const kernels: Record<string, readonly [version: string, release: string]> = {
  gvisor: ['Linux version 4.19.0-gvisor #1 SMP Sun Jan 10 15:06:54 PST 2016', '4.19.0-gvisor'],
  'cloud-run': ['Linux version 4.4.0 (gVisor) #1 SMP', '4.4.0'],
  wsl2: ['Linux version 6.6.87.2-microsoft-standard-WSL2', '6.6.87.2-microsoft-standard-WSL2'],
  wsl1: ['Linux version 4.4.0-19041-Microsoft', '4.4.0-19041-Microsoft'],
};

function mountFor(fixture: string, path: string) {
  const table = parseMountTable(readFileSync(new URL(`${fixture}.mountinfo`, fixtures), 'latin1'));
  const mount = mountOf(table, path);
  assert.ok(mount, `${fixture} has a mount for ${path}`);
  return { table, mount };
}

function reportOf(fixture: string, path: string, statfsType: number | null = null): FilesystemReport {
  const { table, mount } = mountFor(fixture, path);
  const sandbox = sandboxOf(...(kernels[fixture] ?? (['', ''] as const)), () => false);
  const { judgement, notes } = judgeMount({ mount, table, sandbox, statfsType, block: null });
  const { mountPoint, type, source, root, options, superOptions } = mount;
  const evidence = {
    foundBy: 'lexical',
    mountRows: [mount.line],
    mountId: mount.id,
    folderMountId: null,
    statfsType: null,
    device: mount.device,
    notes,
  } as const;
  const result = { target: path, mountPoint, type, source, root, options, superOptions, judgement, evidence };
  return assembleReport(path, result, { platform: 'linux', sandbox });
}

type Expected = 'wal' | 'delete' | 'truncate' | 'refused';

function decisionOf(
  report: FilesystemReport,
  allowNetworkFilesystem?: string,
  readonly = false,
): Expected | 'readonly' {
  const decision = decide({
    filesystem: report,
    storage: 'file',
    file: report.target,
    readonly,
    journalMode: 'auto',
    durability: 'full',
    dangerously: { allowNetworkFilesystem },
    platform: 'linux',
    sqliteVersion: '3.54.1',
  });
  if (decision.verdict === 'refuse') return 'refused';
  assert.equal(decision.plan.synchronous, decision.plan.journalMode === 'delete' ? 'extra' : 'full');
  return decision.plan.journalMode ?? 'readonly';
}

type Row = readonly [
  fixture: string,
  path: string,
  type: string,
  kind: FilesystemReport['class'],
  expected: Expected,
  ...warnings: string[],
];

/** Where the node itself sees the volumes of a pod. */
const podVolumes = '/var/lib/kubelet/pods/7c0e5b1e-8a55-4a0c-9b6e-0b6f8a9c9f01/volumes';

const rows: readonly Row[] = [
  ['docker-layer', '/app/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['docker-layer', '/data/x.db', 'ext4', 'local', 'wal'],
  ['docker-layer', '/scratch/x.db', 'tmpfs', 'memory', 'wal', 'non-durable-filesystem'],
  ['docker-layer', '/dev/shm/x.db', 'tmpfs', 'memory', 'wal', 'non-durable-filesystem'],
  ['docker-layer', '/proc/x.db', 'proc', 'pseudo', 'refused'],
  ['containerd-volatile', '/x.db', 'overlay', 'union', 'wal', 'volatile-overlay', 'container-layer'],
  ['containerd-volatile', '/cache/x.db', 'overlay', 'union', 'wal', 'volatile-overlay'],
  ['docker-desktop-mac', '/app/x.db', 'fakeowner', 'vm-share', 'refused'],
  ['docker-desktop-mac', '/grpc/x.db', 'fuse.grpcfuse', 'vm-share', 'refused'],
  ['docker-desktop-mac', '/virtio/x.db', 'virtiofs', 'vm-share', 'refused'],
  ['docker-desktop-mac', '/osx/x.db', 'fuse.osxfs', 'vm-share', 'refused'],
  ['docker-desktop-mac', '/records/x.db', 'fakeowner', 'vm-share', 'refused'],
  ['docker-desktop-mac', '/data/x.db', 'ext4', 'local', 'wal'],
  ['docker-desktop-windows', '/app/x.db', '9p', 'vm-share', 'refused'],
  ['docker-desktop-windows', '/run/desktop/mnt/host/c/x.db', '9p', 'vm-share', 'refused'],
  ['docker-desktop-windows', '/data/x.db', 'ext4', 'local', 'wal'],
  ['docker-desktop-windows', '/distro/x.db', 'ext4', 'local', 'wal'],
  ['orbstack', '/app/x.db', 'virtiofs', 'vm-share', 'refused'],
  ['orbstack', '/data/x.db', 'btrfs', 'local', 'wal'],
  ['podman-machine', '/var/x.db', 'xfs', 'local', 'wal'],
  ['podman-machine', '/Users/ada/x.db', 'virtiofs', 'vm-share', 'refused'],
  ['podman-machine', '/private/x.db', '9p', 'vm-share', 'refused'],
  ['lima', '/home/ada/x.db', 'ext4', 'local', 'wal'],
  ['lima', '/Users/ada/x.db', 'fuse.sshfs', 'network', 'refused'],
  ['lima', '/tmp/lima/x.db', '9p', 'vm-share', 'refused'],
  ['lima', '/Volumes/work/x.db', 'virtiofs', 'vm-share', 'refused'],
  ['podman-rootless', '/x.db', 'fuse.fuse-overlayfs', 'union', 'wal', 'container-layer'],
  ['podman-rootless', '/data/x.db', 'xfs', 'local', 'wal'],
  ['podman-rootless-native', '/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['podman-rootless-native', '/data/x.db', 'xfs', 'local', 'wal'],
  ['kubernetes', '/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['kubernetes', '/work/x.db', 'xfs', 'local', 'wal', 'pod-lifetime'],
  ['kubernetes', '/mem/x.db', 'tmpfs', 'memory', 'wal', 'non-durable-filesystem'],
  ['kubernetes', '/hostpath/x.db', 'xfs', 'local', 'wal'],
  ['kubernetes', '/ebs/x.db', 'ext4', 'local', 'wal'],
  ['kubernetes', '/longhorn/x.db', 'ext4', 'local', 'wal'],
  ['kubernetes', '/rbd/x.db', 'xfs', 'local', 'wal'],
  ['kubernetes', '/pd/x.db', 'ext4', 'local', 'wal'],
  ['kubernetes', `${podVolumes}/kubernetes.io~csi/pvc-9d1b/mount/x.db`, 'ext4', 'local', 'wal'],
  ['kubernetes', '/nfs-pvc/x.db', 'nfs4', 'network', 'refused'],
  ['kubernetes', '/efs/x.db', 'nfs4', 'network', 'refused'],
  ['kubernetes', '/longhorn-rwx/x.db', 'nfs4', 'network', 'refused'],
  ['kubernetes', '/azure-nfs/x.db', 'nfs4', 'network', 'refused'],
  ['kubernetes', '/azure-smb/x.db', 'cifs', 'network', 'refused', 'network-mount-options'],
  ['azure-app-service', '/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['azure-app-service', '/home/x.db', 'cifs', 'network', 'refused', 'network-mount-options'],
  ['azure-container-apps', '/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['azure-container-apps', '/files/x.db', 'cifs', 'network', 'refused', 'network-mount-options'],
  ['kubernetes', '/cephfs/x.db', 'ceph', 'cluster', 'refused'],
  ['kubernetes', '/gluster/x.db', 'fuse.glusterfs', 'cluster', 'refused'],
  ['gke-gcsfuse', '/gcs/named/x.db', 'fuse.gcsfuse', 'network', 'refused'],
  ['gke-gcsfuse', '/gcs/bare/x.db', 'fuse', 'fuse', 'refused'],
  ['gke-gcsfuse', '/s3/x.db', 'fuse', 'fuse', 'refused'],
  ['gke-gcsfuse', '/blob/x.db', 'fuse.blobfuse2', 'network', 'refused'],
  ['gke-gcsfuse', '/s3fs/x.db', 'fuse.s3fs', 'network', 'refused'],
  ['gke-gcsfuse', '/juice/x.db', 'fuse.juicefs', 'cluster', 'refused'],
  ['gvisor', '/x.db', '9p', 'vm-share', 'delete', 'single-sandbox'],
  ['gvisor', '/pvc/x.db', '9p', 'vm-share', 'refused'],
  ['gvisor', '/tmp/x.db', 'tmpfs', 'memory', 'wal', 'non-durable-filesystem'],
  ['gvisor', '/layer/x.db', 'overlay', 'union', 'wal'],
  ['cloud-run', '/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['cloud-run', '/tmp/x.db', 'tmpfs', 'memory', 'wal', 'non-durable-filesystem'],
  ['cloud-run', '/mnt/bucket/x.db', 'fuse', 'fuse', 'refused'],
  ['lambda', '/tmp/x.db', 'ext4', 'local', 'wal'],
  ['lambda', '/var/task/x.db', 'overlay', 'union', 'refused', 'container-layer'],
  ['lambda', '/mnt/efs/x.db', 'nfs4', 'network', 'refused'],
  ['fargate', '/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['fargate', '/data/x.db', 'xfs', 'local', 'wal'],
  ['fargate', '/efs/x.db', 'nfs4', 'network', 'refused'],
  ['fly', '/data/x.db', 'ext4', 'local', 'wal'],
  ['fly', '/x.db', 'overlay', 'union', 'wal', 'container-layer'],
  ['kata', '/x.db', 'virtiofs', 'vm-share', 'refused'],
  ['kata', '/block/x.db', 'ext4', 'local', 'wal'],
  ['kata', '/nine/x.db', '9p', 'vm-share', 'refused'],
  ['firecracker', '/x.db', 'ext4', 'local', 'wal'],
  ['firecracker', '/data/x.db', 'ext4', 'local', 'wal'],
  ['wsl2', '/home/ada/x.db', 'ext4', 'local', 'wal'],
  ['wsl2', '/mnt/c/Users/ada/x.db', '9p', 'vm-share', 'refused'],
  ['wsl2', '/mnt/d/x.db', 'virtiofs', 'vm-share', 'refused'],
  ['wsl2', '/mnt/e/x.db', '9p', 'vm-share', 'refused'],
  ['wsl1', '/home/ada/x.db', 'wslfs', 'local', 'wal', 'crash-unsafe-filesystem'],
  ['wsl1', '/mnt/c/x.db', 'drvfs', 'vm-share', 'refused'],
  ['synology', '/volume1/x.db', 'btrfs', 'local', 'wal'],
  ['unraid', '/config/x.db', 'fuse.shfs', 'fuse', 'refused'],
  ['unraid', '/cache/x.db', 'xfs', 'local', 'wal'],
  ['server', '/var/lib/x.db', 'ext4', 'local', 'wal'],
  ['server', '/srv/my data/x.db', 'xfs', 'local', 'wal'],
  ['server', '/zfs:pool/x.db', 'zfs', 'local', 'wal', 'sync-setting-unseen'],
  ['server', '/unsafe/x.db', 'ext4', 'local', 'wal', 'no-write-barrier', 'asynchronous-journal'],
  ['server', '/btrfs/x.db', 'btrfs', 'local', 'wal', 'no-write-barrier'],
  ['server', '/f2fs/x.db', 'f2fs', 'local', 'wal', 'no-write-barrier'],
  ['server', '/failed/x.db', 'ext4', 'local', 'refused', 'filesystem-failed'],
  ['server', '/ext2/x.db', 'ext2', 'local', 'wal', 'crash-unsafe-filesystem'],
  ['server', '/media/stick/x.db', 'exfat', 'local', 'delete', 'crash-unsafe-filesystem'],
  ['server', '/media/win/x.db', 'fuseblk', 'local', 'delete', 'crash-unsafe-filesystem'],
  ['server', '/snap/core/1/x.db', 'squashfs', 'read-only', 'refused'],
  ['server', '/auto/x.db', 'autofs', 'unknown', 'refused'],
  ['server', '/nfs3/x.db', 'nfs', 'network', 'refused', 'network-mount-options'],
  ['server', '/home/ada/cloud/x.db', 'fuse.rclone', 'network', 'refused'],
  ['server', '/dav/x.db', 'fuse', 'network', 'refused'],
  ['server', '/new/x.db', 'brandnewfs', 'unknown', 'refused'],
  ['server', '/fuse-new/x.db', 'fuse.brandnew', 'fuse', 'refused'],
  ['server', '/home/ada/.private/x.db', 'ecryptfs', 'network', 'refused'],
  ['server', '/gone/x.db', 'btrfs', 'local', 'refused'],
  ['server', '/bind/x.db', 'fuse', 'fuse', 'refused'],
  ['server', '/merge/x.db', 'fuse.mergerfs', 'fuse', 'refused'],
  ['server', '/ro/x.db', 'ext4', 'local', 'refused'],
];

describe('what is decided on each platform', () => {
  for (const [fixture, path, type, kind, expected, ...warnings] of rows) {
    test(`${fixture} ${path}: ${type}, ${expected}`, () => {
      const report = reportOf(fixture, path);
      assert.equal(report.type, type);
      assert.equal(report.class, kind);
      assert.equal(decisionOf(report), expected);
      assert.deepEqual(
        report.warnings.map(warning => warning.code),
        warnings,
      );
    });
  }

  test('every fixture is used', () => {
    const used = new Set(rows.map(([fixture]) => `${fixture}.mountinfo`));
    const files = readdirSync(fixtures).filter(name => name.endsWith('.mountinfo'));
    assert.ok(files.length > 0);
    assert.deepEqual(
      files.filter(name => !used.has(name)),
      [],
    );
  });
});

describe('a refused filesystem that the application accepts', () => {
  for (const [fixture, path, , kind, expected] of rows) {
    if (expected !== 'refused' || !['network', 'cluster', 'vm-share', 'fuse'].includes(kind)) continue;
    test(`${fixture} ${path}: a rollback journal, or reading`, () => {
      const report = reportOf(fixture, path);
      assert.equal(decisionOf(report, 'one process on one host, checked'), 'delete');
      assert.equal(decisionOf(report, 'one process on one host, checked', true), 'readonly');
      assert.equal(decisionOf(report, undefined, true), 'refused');
    });
  }
});

test('docker-layer /state/app.db: a file that is a mount of its own is refused', () => {
  const file = '/state/app.db';
  const [own, folder] = [file, '/state'].map(path => mountFor('docker-layer', path).mount);
  const isMountPoint = own?.id !== folder?.id;
  const facts: PreflightFacts = {
    file,
    directory: '/state',
    kind: 'file',
    size: 8192,
    nlink: 1,
    otherNames: [],
    sidecars: [],
    planted: null,
    superJournal: null,
    walMissing: false,
    directoryKind: 'directory',
    fileWriteError: null,
    directoryWriteError: null,
    isMountPoint,
    attributed: [],
    refused: null,
    worldWritableOfAnother: false,
  };
  assert.ok(isMountPoint);
  const options = { readonly: false, fileMustExist: false };
  assert.ok(judgePreflight(facts, options) instanceof UnsafeFilesystemError);
  assert.equal(decisionOf(reportOf('docker-layer', file)), 'wal', 'the filesystem alone would carry it');
  assert.equal(judgePreflight({ ...facts, isMountPoint: false }, options), null);
});

describe('durability', () => {
  const nonDurable = [
    ['docker-layer', '/app/x.db'],
    ['docker-layer', '/scratch/x.db'],
    ['containerd-volatile', '/cache/x.db'],
    ['kubernetes', '/work/x.db'],
    ['kubernetes', '/mem/x.db'],
    ['cloud-run', '/x.db'],
    ['cloud-run', '/tmp/x.db'],
    ['fargate', '/x.db'],
    ['podman-rootless', '/x.db'],
    ['podman-rootless-native', '/x.db'],
    ['server', '/unsafe/x.db'],
    ['server', '/f2fs/x.db'],
  ] as const;
  for (const [fixture, path] of nonDurable) {
    test(`${fixture} ${path} is not durable`, () => assert.equal(reportOf(fixture, path).durable, false));
  }
  test('a disk is', () => assert.equal(reportOf('server', '/var/lib/x.db').durable, true));
});

describe('statfs against the mount table', () => {
  test('9p that passes the type of ext4 through stays 9p', () => {
    assert.equal(reportOf('wsl2', '/mnt/c/x.db', 0xef53).verdict, 'refuse');
  });
  test('a table that says ext4 where statfs says NFS is not believed', () => {
    const report = reportOf('server', '/var/lib/x.db', 0x6969);
    assert.equal(report.verdict, 'refuse');
    assert.equal(report.evidence.rule, 'statfs-disagrees');
  });
  test('a table that says ext4 where statfs says FUSE is not believed', () => {
    assert.equal(reportOf('server', '/var/lib/x.db', 0x65735546).verdict, 'refuse');
  });
  test('an unknown type does not disturb', () => {
    assert.equal(reportOf('server', '/var/lib/x.db', 0x12345678).verdict, 'wal');
  });
});
