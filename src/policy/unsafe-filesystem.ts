/** Builds the errors for unsafe filesystems: the danger, and the alternative. Pure. */
import { UnsafeFilesystemError } from '../errors/refusals';
import type { FilesystemClass, FilesystemReport } from '../filesystem/report';

const insteadOf: Record<FilesystemClass, string> = {
  local: 'Put the database on another local filesystem of this machine.',
  memory: 'Put the database on a disk.',
  union: 'Put the database on a volume or a local disk.',
  network:
    'Put the database on a local disk of the machine that runs this process, and let other machines ask this process; copy it to the network with `db.backup()`.',
  cluster:
    'Put the database on a local disk, or on a block volume that one machine has for itself; copy it to the cluster with `db.backup()`.',
  'vm-share':
    'Put the database on a disk of the virtual machine itself (a named volume, the Linux root of WSL), not on a folder that the host shares.',
  fuse: 'Put the database on the filesystem below, or on a local disk.',
  'read-only': 'Copy the database to a place that can be written, or open it with `readonly: true`.',
  pseudo: 'Give the path of a file on a disk.',
  unknown:
    'Put the database on a local filesystem that this library knows (`npx safe-sqlite explain filesystems` lists them).',
};

const overridable: ReadonlySet<FilesystemClass> = new Set(['network', 'cluster', 'vm-share', 'fuse', 'unknown']);

/** True if `dangerously.allowNetworkFilesystem` covers this filesystem. */
export function canBeOverridden(report: FilesystemReport): boolean {
  return overridable.has(report.class) && report.evidence.rule !== 'deleted';
}

/** The error for a filesystem that SQLite cannot use safely. */
export function unsafeFilesystem(report: FilesystemReport): UnsafeFilesystemError {
  const override = canBeOverridden(report)
    ? ' If only one process on one machine ever opens it, `dangerously.allowNetworkFilesystem` with the reason opens it with a rollback journal.'
    : '';
  return new UnsafeFilesystemError(`Refused to open ${place(report)}. ${report.reason}`, {
    hint: `${insteadOf[report.class]}${override}`,
    details: { path: report.target, mountPoint: report.mountPoint, type: report.type, filesystem: report },
  });
}

/** The error for WAL on a filesystem that supports only a rollback journal. */
export function walImpossible(report: FilesystemReport): UnsafeFilesystemError {
  return new UnsafeFilesystemError(`Refused to use WAL for ${place(report)}. ${report.reason}`, {
    hint: "Leave `journalMode` at 'auto': a rollback journal works there. Or put the database on a local disk filesystem.",
    details: { path: report.target, mountPoint: report.mountPoint, type: report.type, filesystem: report },
  });
}

/** The error for a writing connection on a read-only filesystem. */
export function readOnlyGround(report: FilesystemReport): UnsafeFilesystemError {
  return new UnsafeFilesystemError(`Refused to open ${place(report)} for writing. ${report.reason}`, {
    hint: insteadOf['read-only'],
    details: { path: report.target, mountPoint: report.mountPoint, type: report.type, filesystem: report },
  });
}

/** `/data/app.db on the nfs4 filesystem at /data (server:/export)`. */
export function place(report: FilesystemReport): string {
  if (report.mountPoint === null) return `${report.target}, whose mount is unknown`;
  const source = report.source === null || report.source === report.mountPoint ? '' : ` (${report.source})`;
  return `${report.target} on the ${report.type} filesystem at ${report.mountPoint}${source}`;
}
