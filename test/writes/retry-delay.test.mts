import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryDelayMs } from '../../dist/writes/busy-retry.js';

const bounds = { minDelayMs: 2, maxDelayMs: 100 };
const table: readonly (readonly [attempt: number, random: number, delayMs: number])[] = [
  [1, 0, 2],
  [1, 0.999, 2],
  [2, 0, 2],
  [2, 0.999, 4],
  [4, 0, 8],
  [4, 0.999, 16],
  [7, 0, 50],
  [7, 0.999, 100],
  [5000, 0, 50],
  [5000, 0.5, 75],
];

for (const [attempt, random, delayMs] of table) {
  test(`the wait behind try ${attempt} with luck ${random} is ${delayMs} ms`, () => {
    assert.equal(retryDelayMs(attempt, bounds, random), delayMs);
  });
}
