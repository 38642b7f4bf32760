/** The program of the guest: mounts the grounds it is asked for and puts the questions to each, a JSON line a ground. */
import { appendFileSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { Peer } from '../processes/peer.mts';
import { alone } from '../processes/raw-alone.mts';
import { atOnce, inTurns, type Writer } from '../processes/raw-two-writers.mts';
import type { RawAnswer, RawStep } from '../processes/raw-step.mts';
import { elsewhere } from '../processes/safe-elsewhere.mts';
import { ours } from '../processes/safe-questions.mts';
import type { SafeAnswer, SafeStep } from '../processes/safe.mts';
import type { Mode, RawPeer } from '../processes/steps.mts';
import { cifsGrounds } from './grounds/cifs.mts';
import type { Ground, Grounds } from './grounds/ground.mts';
import { hostfsGrounds } from './grounds/hostfs.mts';
import { localGrounds } from './grounds/image.mts';
import { nfsGrounds } from './grounds/nfs.mts';
import { ninepGrounds } from './grounds/ninep.mts';
import type { Family, RawResult, Row, TwoWays } from './row.mts';

const families: Readonly<Record<Family, Grounds>> = {
  nfs: work => nfsGrounds(work, ['4.2', '4.0', '3,nolock']),
  'nfs 3': work => nfsGrounds(work, ['3']),
  cifs: cifsGrounds,
  '9p': ninepGrounds,
  hostfs: hostfsGrounds,
  local: localGrounds,
};

function mountinfoOf(folder: string): string {
  const rows = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const row = rows.findLast(line => line.split(' ')[4] === folder);
  return row?.split(' - ')[1] ?? 'not listed';
}

async function rawResult(first: RawPeer, second: RawPeer, ground: Ground, mode: Mode): Promise<RawResult> {
  const { near, far, server } = ground;
  const one = await alone(first, near, mode);
  if (one.result !== 'ok') return one;
  // A name of its own for each experiment: no mount has cached anything under it.
  const both = async (other: string, way: string): Promise<TwoWays> => {
    const writers = (what: string): [Writer, Writer] => {
      const name = `${way}-${what}-${mode.toLowerCase()}.db`;
      return [
        [first, join(near, name)],
        [second, join(other, name)],
      ];
    };
    return { atOnce: await atOnce(...writers('at-once'), mode), inTurns: await inTurns(...writers('in-turns'), mode) };
  };
  return {
    ...one,
    ...(far !== undefined && { secondMount: await both(far, 'second-mount') }),
    ...(server !== undefined && { serverSide: await both(server, 'server-side') }),
  };
}

const [work, input, results] = process.argv.slice(2) as [string, string, string];
const first = new Peer<RawStep, RawAnswer>('raw.mts');
const second = new Peer<RawStep, RawAnswer>('raw.mts');
const safe = new Peer<SafeStep, SafeAnswer>('safe.mts');
for (const family of JSON.parse(readFileSync(input, 'utf8')) as Family[]) {
  for (const ground of families[family](work)) {
    const { near, server = near } = ground;
    const row: Row = {
      family,
      name: ground.name,
      kernel: release().split('.').slice(0, 2).join('.'),
      statfs: `0x${BigInt.asUintN(32, statfsSync(near, { bigint: true }).type).toString(16)}`,
      mountinfo: mountinfoOf(near),
      raw: {
        DELETE: await rawResult(first, second, ground, 'DELETE'),
        WAL: await rawResult(first, second, ground, 'WAL'),
      },
      ours: await ours(safe, second, near, server),
      elsewhere: await elsewhere(safe, second, { folder: near, server, local: `${work}/local.db` }),
    };
    appendFileSync(results, `${JSON.stringify(row)}\n`);
    console.log(`${Math.round(process.uptime())} s: ${ground.name}`);
  }
}
for (const peer of [first, second, safe]) peer.end();
