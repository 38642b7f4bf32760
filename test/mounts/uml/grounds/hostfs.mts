/** A folder of the host, shown in the guest by the guest's own kernel: what two-kernels.test.mts writes from both. */
import { mkdirSync } from 'node:fs';
import { run } from './command.mts';
import type { Ground } from './ground.mts';

export function* hostfsGrounds(work: string): Generator<Ground> {
  const near = `${work}/hostfs`;
  mkdirSync(near);
  // The host's folder of this run, which is mounted already, once more.
  run('mount', '--bind', `${work}/host`, near);
  yield { name: 'hostfs', near };
  run('umount', near);
}
