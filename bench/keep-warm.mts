/**
 * Reads all memory of a process again and again until it is killed, so that the host of a virtual machine leaves it where it is.
 *
 *     node bench/keep-warm.mts PID
 */
import { openSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const pid = Number(process.argv[2]);
const pauseMs = 10;
const memory = openSync(`/proc/${pid}/mem`, 'r');
const buffer = Buffer.alloc(1 << 20);

function readAll(): void {
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) r(?!.*\[v)/.exec(line);
    if (range === null) continue;
    const end = Number.parseInt(range[2] ?? '', 16);
    for (let at = Number.parseInt(range[1] ?? '', 16); at < end; at += buffer.length) {
      try {
        readSync(memory, buffer, 0, Math.min(buffer.length, end - at), at);
      } catch {
        break; // A range that is reserved and not in use.
      }
    }
  }
}

for (;;) {
  readAll();
  await sleep(pauseMs);
}
