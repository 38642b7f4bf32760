import assert from 'node:assert/strict';
import { test } from 'node:test';
import { growthOf, type Sample } from './growth.mts';

const mebibyte = 1 << 20;

function life(count: number, heapAt: (index: number) => number): Sample[] {
  return Array.from({ length: count }, (_, index) => ({
    at: index * 1000,
    heapBytes: heapAt(index),
    rssBytes: 100 * mebibyte,
    descriptors: 30,
  }));
}

function exceeded(samples: readonly Sample[]): string[] {
  return growthOf(samples)
    .filter(({ rise, limit }) => rise > limit)
    .map(({ measure }) => measure);
}

test('a heap that is level, noisy or only warms up does not grow', () => {
  assert.deepEqual(exceeded(life(60, () => 20 * mebibyte)), []);
  assert.deepEqual(exceeded(life(60, index => (20 + (index % 7 === 0 ? 30 : 0)) * mebibyte)), []);
  assert.deepEqual(exceeded(life(60, index => Math.min(index, 15) * mebibyte)), []);
});

test('a slow leak is found when the run is long enough', () => {
  const leak = (index: number): number => 20 * mebibyte + index * 20_000;
  assert.deepEqual(exceeded(life(60, leak)), []);
  assert.deepEqual(exceeded(life(600, leak)), ['heap']);
});

test('descriptors that are never closed are found', () => {
  const leaking = life(60, () => mebibyte).map((sample, index) => ({ ...sample, descriptors: 30 + (index >> 3) }));
  assert.deepEqual(exceeded(leaking), ['descriptors']);
});

test('a short life says nothing', () => {
  assert.deepEqual(growthOf(life(6, index => index * mebibyte)), []);
});
