import type { Mutant } from '../mutant.mts';

const tests = ['test/writes/small-promises.test.mts', 'test/writes/write-queue.test.mts'];

export const writes: readonly Mutant[] = [
  {
    id: 'writes/abort-listener',
    promise: 'a signal that outlives its writes keeps no listener of them',
    file: 'writes/queued-write.ts',
    find: "this.signal?.removeEventListener('abort', this.#onAbort)",
    replace: 'void this.signal',
    tests,
  },
  {
    id: 'writes/wait-outlives-connection',
    promise: 'a closed database does not keep the process alive',
    file: 'writes/busy-retry.ts',
    find: 'await delay(delayMs, { signal: plan.signal });',
    replace: 'await delay(delayMs);',
    tests,
  },
  {
    id: 'writes/foreign-attempts',
    promise: '`details.attempts` counts the tries of the write itself',
    file: 'writes/retry-budget.ts',
    find: 'this.#tries - Math.max(this.#triesBefore, write.triesBefore)',
    replace: 'this.#tries - this.#triesBefore',
    tests,
  },
];
