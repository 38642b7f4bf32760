/** The diod server on loopback, mounted by the kernel's 9p client over TCP. */
import { mkdirSync } from 'node:fs';
import { run, untilListening } from './command.mts';
import type { Ground } from './ground.mts';
import { mountImage } from './image.mts';

const port = 564;

/** Caches of the client: none, and `loose`, which never asks the server again (v9fs.rst of the kernel). */
const caches: readonly (readonly [name: string, options: string])[] = [
  ['9p', ''],
  ['9p, cache=loose', ',cache=loose'],
];

export function* ninepGrounds(work: string): Generator<Ground> {
  const server = `${work}/nine`;
  mountImage(server, 'ext4', ['mkfs.ext4', '-q']);
  run(
    'diod',
    '--no-auth',
    '--no-userdb',
    '--export',
    server,
    '--listen',
    `127.0.0.1:${port}`,
    '--logdest',
    `${work}/diod.log`,
  );
  untilListening(port);
  const near = `${work}/9p-near`;
  const far = `${work}/9p-far`;
  for (const folder of [near, far]) mkdirSync(folder);
  for (const [name, options] of caches) {
    for (const folder of [near, far]) {
      const all = `trans=tcp,port=${port},version=9p2000.L,uname=root,access=any,aname=${server}${options}`;
      run('mount', '-t', '9p', '-o', all, '127.0.0.1', folder);
    }
    yield { name, near, far, server };
    for (const folder of [near, far]) run('umount', folder);
  }
}
