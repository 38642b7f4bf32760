/** A samba server on loopback, mounted by the kernel's client. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mountPatiently, run, untilListening } from './command.mts';
import type { Ground } from './ground.mts';
import { mountImage } from './image.mts';

const port = 445;

function startServer(shared: string, state: string): void {
  mkdirSync(state);
  const folders = [
    'private dir',
    'state directory',
    'cache directory',
    'lock directory',
    'pid directory',
    'ncalrpc dir',
  ];
  writeFileSync(
    `${state}/smb.conf`,
    [
      '[global]',
      'interfaces = lo',
      'bind interfaces only = yes',
      `smb ports = ${port}`,
      'disable netbios = yes',
      'load printers = no',
      'printcap name = /dev/null',
      'server min protocol = NT1',
      'unix extensions = yes',
      'map to guest = bad user',
      `log file = ${state}/log`,
      ...folders.map(name => `${name} = ${state}`),
      '[share]',
      `path = ${shared}`,
      'guest ok = yes',
      'force user = root',
      'writable = yes',
      '',
    ].join('\n'),
  );
  run('smbd', '--daemon', `--configfile=${state}/smb.conf`);
  untilListening(port);
}

const variants: readonly (readonly [name: string, options: string])[] = [
  ['cifs 3.1.1', 'vers=3.1.1'],
  ['cifs 3.1.1, nobrl', 'vers=3.1.1,nobrl'],
  ['cifs 1.0', 'vers=1.0'],
];

export function* cifsGrounds(work: string): Generator<Ground> {
  const server = `${work}/share`;
  mountImage(server, 'ext4', ['mkfs.ext4', '-q']);
  startServer(server, `${work}/samba`);
  const near = `${work}/cifs-near`;
  const far = `${work}/cifs-far`;
  for (const folder of [near, far]) mkdirSync(folder);
  for (const [name, options] of variants) {
    // What two clients of SMB 1 see of each other depends on the moment: nothing that a record could say.
    const folders = options === 'vers=1.0' ? [near] : [near, far];
    for (const folder of folders) {
      // nosharesock: the second mount is a client of its own to the server.
      mountPatiently('-t', 'cifs', '-o', `guest,nosharesock,${options}`, '//127.0.0.1/share', folder);
    }
    yield { name, near, server, ...(folders.includes(far) && { far }) };
    for (const folder of folders) run('umount', folder);
  }
}
