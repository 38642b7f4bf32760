/**
 * Measures how much two busy threads do compared with one: 2 where each has a processor of its own, 1 where they share
 * one.
 *
 * A backup checks and hashes at once, so its time depends on it; a virtual machine that shows two processors may have
 * the time of one.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

/** Milliseconds: longer than the credit that some hosts give. */
const busyMs = 3000;
const bytes = 16_384;

export async function workOfTwoThreads(): Promise<number> {
  const [alone = Number.NaN] = await workOf(1);
  const [one = Number.NaN, other = Number.NaN] = await workOf(2);
  return (one + other) / alone;
}

async function workOf(threads: number): Promise<number[]> {
  return Promise.all(
    Array.from({ length: threads }, async () => {
      const [work] = (await once(new Worker(import.meta.filename), 'message')) as [number];
      return work;
    }),
  );
}

if (!isMainThread) {
  const content = Buffer.alloc(bytes);
  const sha256 = createHash('sha256');
  const until = performance.now() + busyMs;
  let work = 0;
  for (; performance.now() < until; work += 1) sha256.update(content);
  parentPort?.postMessage(work);
}
