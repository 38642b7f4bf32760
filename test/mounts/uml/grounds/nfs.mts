/** The kernel's NFS server on loopback, mounted by the kernel's client in each version. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { run } from './command.mts';
import type { Ground } from './ground.mts';
import { mountImage } from './image.mts';

function startServer(work: string, exported: string): void {
  // The root is read-only: what the daemons remember goes to memory.
  run('mount', '-t', 'tmpfs', 'tmpfs', '/var/lib/nfs');
  for (const folder of ['sm', 'sm.bak', 'v4recovery']) mkdirSync(`/var/lib/nfs/${folder}`);
  for (const file of ['etab', 'rmtab', 'state']) writeFileSync(`/var/lib/nfs/${file}`, '');
  run('rpcbind', '-w');
  run('modprobe', '-d', `${work}/modules`, 'nfsd');
  run('mount', '-t', 'nfsd', 'nfsd', '/proc/fs/nfsd');
  run('exportfs', '-o', 'rw,no_root_squash,insecure,fsid=0,no_subtree_check', `*:${exported}`);
  run('rpc.statd', '--no-notify');
  run('rpc.nfsd', '4');
  run('rpc.mountd');
  // A server that has just started grants no lock until its clients could claim their old ones (90 s for NFS 4, 50 s
  // for NFS 3): it is told that there are none (nfsd(7), v4_end_grace; its twin of lockd ends the wait of NFS 3).
  writeFileSync('/proc/fs/nfsd/v4_end_grace', 'Y');
  writeFileSync('/proc/fs/lockd/nlm_end_grace', 'Y');
}

/** Options of mount(8), and the source: NFS 4 sees the export with `fsid=0` as its root, NFS 3 by its path. */
const versions: readonly (readonly [name: string, options: string])[] = [
  ['nfs 4.2', 'vers=4.2'],
  ['nfs 4.0', 'vers=4.0'],
  ['nfs 3', 'vers=3'],
  ['nfs 3, nolock', 'vers=3,nolock'],
];

export function* nfsGrounds(work: string): Generator<Ground> {
  const server = `${work}/export`;
  mountImage(server, 'ext4', ['mkfs.ext4', '-q']);
  startServer(work, server);
  const near = `${work}/nfs-near`;
  const far = `${work}/nfs-far`;
  for (const folder of [near, far]) mkdirSync(folder);
  for (const [name, options] of versions) {
    const source = options.startsWith('vers=4') ? '127.0.0.1:/' : `127.0.0.1:${server}`;
    // nosharecache: two mounts of one export do not share what they have read, as two machines do not.
    for (const folder of [near, far]) run('mount', '-t', 'nfs', '-o', `${options},nosharecache`, source, folder);
    yield { name, near, far, server };
    for (const folder of [near, far]) run('umount', folder);
  }
}
