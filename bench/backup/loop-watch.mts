/**
 * Notes when the event loop of this process stood still, on a clock that all processes share. As a program of its own it
 * is the witness: an idle process, which stands still only when the machine does not let it run.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** From when until when the loop did not turn, in milliseconds of the monotonic clock. */
export type Stall = readonly [from: number, until: number];

/** A turn that comes later than this after its timer, in milliseconds, is a stall. */
const noticedMs = 2;

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Watches until it is stopped. */
export function watchLoop(): { stop(): Stall[] } {
  const stalls: Stall[] = [];
  let due = nowMs() + 1;
  const look = (): void => {
    const now = nowMs();
    if (now - due > noticedMs) stalls.push([due, now]);
    due = now + 1;
  };
  const timer = setInterval(look, 1);
  return {
    stop() {
      look();
      clearInterval(timer);
      return stalls;
    },
  };
}

/** Runs something, and returns how the loop stood still here and in an idle process at the same time. */
export async function withWitness(run: () => Promise<unknown>): Promise<{ here: Stall[]; beside: Stall[] }> {
  const witness = fork(import.meta.filename, ['--witness']);
  await once(witness, 'message');
  const watch = watchLoop();
  await delay(20);
  await run();
  await delay(20);
  const here = watch.stop();
  const answer = once(witness, 'message') as Promise<[Stall[]]>;
  witness.send('stop');
  const [beside] = await answer;
  return { here, beside };
}

export const lengthOf = ([from, until]: Stall): number => until - from;

/** The longest stall, without the time in which the witness stood still as well. */
export function longestOwn(here: readonly Stall[], beside: readonly Stall[]): number {
  const shared = (stall: Stall): number =>
    beside.reduce((sum, other) => sum + Math.max(0, Math.min(stall[1], other[1]) - Math.max(stall[0], other[0])), 0);
  return Math.max(0, ...here.map(stall => lengthOf(stall) - shared(stall)));
}

if (process.argv[2] === '--witness') {
  // Its timer would keep it alive when the one that it watches beside ends with an error.
  process.once('disconnect', () => process.exit());
  const watch = watchLoop();
  process.send?.('ready');
  await once(process, 'message');
  process.send?.(watch.stop(), () => process.disconnect());
}
