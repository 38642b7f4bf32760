/** The process that is the disk: in one of its own, because its clients wait for it in system calls. */
import { readFileSync, writeSync, openSync, closeSync, ftruncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { serve } from '../../support/fault-scenario.mts';
import { serveNbd } from './nbd.mts';
import { createVolatileDisk, type Outcome, type VolatileDisk } from './volatile-disk.mts';

let disk: VolatileDisk | undefined;
let dead = true;

function plugged(): VolatileDisk {
  if (disk === undefined) throw new Error('No disk is plugged in.');
  return disk;
}

serve({
  listen: (path: string) =>
    new Promise<void>(resolve => {
      createServer(stream => {
        // A client that goes away is unplugged; what it had written stays.
        serveNbd(stream, () => ({ disk: plugged(), dead })).catch(() => stream.destroy());
      }).listen(path, resolve);
    }),
  /** A disk with the content of a file, and the power on. */
  plug: (image: string) => {
    disk = createVolatileDisk(readFileSync(image));
    dead = false;
  },
  /** The power goes between two requests. */
  cut: () => {
    dead = true;
    return { at: String(process.hrtime.bigint()), atRisk: plugged().atRisk() };
  },
  /** Writes what the disk may have kept to a file. */
  save: ({ image, outcome }: { image: string; outcome: Outcome }) => saveSparse(image, plugged().survivor(outcome)),
});

/** Large enough to make few calls, small enough to leave most of an empty disk out. */
const blockBytes = 65_536;

function saveSparse(image: string, content: Buffer): void {
  const empty = Buffer.alloc(blockBytes);
  const file = openSync(image, 'w');
  ftruncateSync(file, content.length);
  for (let at = 0; at < content.length; at += blockBytes) {
    const block = content.subarray(at, at + blockBytes);
    if (!block.equals(empty.subarray(0, block.length))) writeSync(file, block, 0, block.length, at);
  }
  closeSync(file);
}
