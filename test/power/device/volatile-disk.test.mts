import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVolatileDisk, type Outcome } from './volatile-disk.mts';

const sector = 512;

function diskWith(...writes: readonly [at: number, value: number, throughCache?: boolean][]) {
  const disk = createVolatileDisk(Buffer.alloc(8 * sector));
  for (const [at, value, throughCache = false] of writes)
    disk.write(at * sector, Buffer.alloc(sector, value), throughCache);
  return disk;
}

/** The first byte of each sector. */
function sectorsOf(image: Buffer): number[] {
  return Array.from({ length: image.length / sector }, (_, index) => image[index * sector] ?? -1);
}

const none: Outcome = { mode: 'none', sectorBytes: sector, seed: 1 };

test('what was not flushed is lost, what was flushed or written through is not', () => {
  const disk = diskWith([0, 1], [1, 2]);
  disk.flush();
  disk.write(0, Buffer.alloc(sector, 3), false);
  disk.write(2 * sector, Buffer.alloc(sector, 4), true);
  assert.deepEqual(sectorsOf(disk.survivor(none)), [1, 2, 4, 0, 0, 0, 0, 0]);
  assert.deepEqual(sectorsOf(disk.survivor({ ...none, mode: 'all' })), [3, 2, 4, 0, 0, 0, 0, 0]);
  assert.equal(disk.atRisk(), 1);
  assert.equal(disk.read(0, 1)[0], 3);
});

test('an older write does not come out of the cache over one that was written through', () => {
  const disk = diskWith([0, 1], [0, 2, true]);
  for (let seed = 0; seed < 50; seed += 1)
    for (const mode of ['none', 'prefix', 'subset'] as const)
      assert.equal(disk.survivor({ mode, sectorBytes: sector, seed })[0], 2);
  disk.flush();
  assert.equal(disk.survivor(none)[0], 2);
});

test('a prefix has no hole except in the write that was torn', () => {
  const disk = diskWith([0, 1], [1, 1], [2, 1], [3, 1]);
  const lengths = new Set<number>();
  for (let seed = 0; seed < 100; seed += 1) {
    const kept = sectorsOf(disk.survivor({ mode: 'prefix', sectorBytes: sector, seed })).join('');
    assert.match(kept, /^1*0*$/);
    lengths.add(kept.lastIndexOf('1'));
  }
  assert.equal(lengths.size, 5);
});

test('a subset tears in sectors where the disk has them, and the seed brings it back', () => {
  const disk = createVolatileDisk(Buffer.alloc(8 * sector));
  disk.write(100, Buffer.alloc(4 * sector, 1), false);
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed += 1) {
    const outcome: Outcome = { mode: 'subset', sectorBytes: sector, seed };
    const image = disk.survivor(outcome);
    assert.deepEqual(image, disk.survivor(outcome));
    for (let at = 0; at < 8; at += 1) {
      const part = image.subarray(Math.max(100, at * sector), Math.min(100 + 4 * sector, (at + 1) * sector));
      assert.ok(part.every(byte => byte === part[0]));
    }
    seen.add(sectorsOf(image.subarray(sector)).join(''));
  }
  assert.ok(seen.size > 4);
});
