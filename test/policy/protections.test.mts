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
    const synchronous = schemaProtections({ journalMode, durability, platform: 'linux', attached: false }).find(
      ({ pragma }) => pragma === 'synchronous',
    );
    assert.equal(synchronous?.value, value);
    assert.deepEqual(synchronous?.expected, accepted);
  });
}

test('locking mode and memory map are set on every schema, and only the safe answer is accepted', () => {
  const others = schemaProtections({
    journalMode: 'wal',
    durability: 'full',
    platform: 'linux',
    attached: false,
  }).filter(({ pragma }) => pragma !== 'synchronous');
  assert.deepEqual(
    others.map(({ pragma, value, expected }) => [pragma, value, expected]),
    [
      ['locking_mode', 'NORMAL', ['normal']],
      ['mmap_size', '0', [0]],
    ],
  );
});

// os_win.c: `winDelete(… int syncDir /* Not used on win32 */)`; os_unix.c: `unixDelete` asks for `full_fsync(fd, 0, 0)`.
const ofDelete = {
  'linux, main': 'locking_mode=NORMAL synchronous=EXTRA',
  'linux, attached': 'locking_mode=NORMAL synchronous=EXTRA',
  'win32, main': 'journal_mode=TRUNCATE locking_mode=NORMAL synchronous=FULL',
  'win32, attached': 'locking_mode=NORMAL synchronous=EXTRA',
  'darwin, main': 'journal_mode=TRUNCATE locking_mode=NORMAL synchronous=FULL',
  'darwin, attached': 'journal_mode=TRUNCATE locking_mode=NORMAL synchronous=FULL',
};
for (const platform of ['win32', 'darwin', 'linux'] as const) {
  for (const attached of [false, true]) {
    const name = `${platform}, ${attached ? 'attached' : 'main'}` as const;
    test(`${name}: with DELETE ${ofDelete[name]}`, () => {
      const set = (journalMode: string) =>
        schemaProtections({ journalMode, durability: 'full', platform, attached })
          .map(({ pragma, value }) => `${pragma}=${value}`)
          .slice(0, -1)
          .join(' ');
      assert.equal(set('delete'), ofDelete[name]);
      for (const other of ['truncate', 'persist', 'wal']) {
        const level = platform === 'linux' && other !== 'wal' ? 'EXTRA' : 'FULL';
        assert.equal(set(other), `locking_mode=NORMAL synchronous=${level}`, other);
      }
    });
  }
}
