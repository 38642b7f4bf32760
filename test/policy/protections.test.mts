/** The pragmas of a schema by journal mode and durability, and what the read-back accepts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaProtections } from '../../dist/policy/protections.js';

const FULL = 2;
const EXTRA = 3;

const table: readonly (readonly [mode: string, durability: 'full' | 'extra', value: string, accepted: number[]])[] = [
  ['wal', 'full', 'FULL', [FULL, EXTRA]],
  ['wal', 'extra', 'EXTRA', [EXTRA]],
  ['delete', 'full', 'EXTRA', [EXTRA]],
  ['delete', 'extra', 'EXTRA', [EXTRA]],
  ['truncate', 'extra', 'EXTRA', [EXTRA]],
  ['persist', 'extra', 'EXTRA', [EXTRA]],
];

for (const [journalMode, durability, value, accepted] of table) {
  test(`${journalMode}, ${durability}: synchronous is set to ${value} and only ${accepted.join(' or ')} is accepted`, () => {
    const synchronous = schemaProtections({ journalMode, durability }).find(({ pragma }) => pragma === 'synchronous');
    assert.equal(synchronous?.value, value);
    assert.deepEqual(synchronous?.expected, accepted);
  });
}

test('locking mode and memory map are set on every schema, and only the safe answer is accepted', () => {
  const others = schemaProtections({ journalMode: 'wal', durability: 'full' }).filter(
    ({ pragma }) => pragma !== 'synchronous',
  );
  assert.deepEqual(
    others.map(({ pragma, value, expected }) => [pragma, value, expected]),
    [
      ['locking_mode', 'NORMAL', ['normal']],
      ['mmap_size', '0', [0]],
    ],
  );
});
