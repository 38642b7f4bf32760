/** The kernel's NFS server, mounted by the kernel's client in each version, on two machines as far as it can tell. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { run } from './command.mts';
import type { Ground } from './ground.mts';
import { mountImage } from './image.mts';

/** Addresses of a cable between the server and the second client. */
const serverEnd = '10.0.0.1';
const farEnd = '10.0.0.2';

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
  // for NFS 3): nfsd gets the answer that there are none (nfsd(7), v4_end_grace; its twin of lockd ends the wait of NFS 3).
  writeFileSync('/proc/fs/nfsd/v4_end_grace', 'Y');
  writeFileSync('/proc/fs/lockd/nlm_end_grace', 'Y');
}

/** A network of its own, with a cable to the server: the client there shares nothing with the one here. */
function connectFarMachine(): void {
  run('ip', 'netns', 'add', 'far');
  run('ip', 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', 'far');
  run('ip', 'address', 'add', `${serverEnd}/24`, 'dev', 'cable');
  run('ip', 'link', 'set', 'cable', 'up');
  run('ip', '-n', 'far', 'address', 'add', `${farEnd}/24`, 'dev', 'cable');
  run('ip', '-n', 'far', 'link', 'set', 'cable', 'up');
  run('ip', '-n', 'far', 'link', 'set', 'lo', 'up');
}

function mountNear(source: string, folder: string, options: string): void {
  run('mount', '-t', 'nfs', '-o', options, `127.0.0.1:${source}`, folder);
}

/**
 * NFS 4 knows a client by its host name (nfs(5), "TCP Client ID") and lends whole files to it: two mounts of one
 * client would both believe that they have the file for themselves, which no two machines do.
 */
function mountFar4(source: string, folder: string, options: string): void {
  const mount = `hostname far && exec mount -t nfs -o ${options} ${serverEnd}:${source} ${folder}`;
  run('nsenter', '--net=/run/netns/far', 'unshare', '--uts', 'sh', '-c', mount);
}

/** `versions` are values of the mount option `vers`, with further options behind a comma. */
export function* nfsGrounds(work: string, versions: readonly string[]): Generator<Ground> {
  const server = `${work}/export`;
  mountImage(server, 'ext4', ['mkfs.ext4', '-q']);
  startServer(work, server);
  connectFarMachine();
  const near = `${work}/nfs-near`;
  const far = `${work}/nfs-far`;
  for (const folder of [near, far]) mkdirSync(folder);
  for (const version of versions) {
    if (version.startsWith('4')) {
      // NFS 4 sees the export with `fsid=0` as its root.
      mountNear('/', near, `vers=${version}`);
      mountFar4('/', far, `vers=${version}`);
    } else {
      // NFS 3 has neither client names nor leases: nosharecache is enough for two mounts that share no page.
      for (const folder of [near, far]) mountNear(server, folder, `vers=${version},nosharecache`);
    }
    yield { name: `nfs ${version.replace(',', ', ')}`, near, far, server };
    for (const folder of [near, far]) run('umount', folder);
  }
}
