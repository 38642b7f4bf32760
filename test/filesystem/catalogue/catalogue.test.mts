/** The catalogue holds together. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { catalogue, linuxFilesystems, rowOfType, rowsOfMagic } from '../../../dist/filesystem/catalogue/catalogue.js';
import { darwinFilesystems } from '../../../dist/filesystem/catalogue/darwin.js';

test('each type has one row a platform', () => {
  for (const rows of [linuxFilesystems, darwinFilesystems]) {
    const types = rows.flatMap(row => row.types);
    assert.deepEqual(
      types.filter((type, index) => types.indexOf(type) !== index),
      [],
    );
  }
});

test('each row has a reason that is a sentence', () => {
  for (const row of catalogue) {
    assert.match(row.reason, /^[A-Z].*\.$/s, row.name);
    if (row.warning !== null) assert.match(row.warning.message, /\.$/, row.name);
  }
});

test('shared ground is refused, and nothing else of it', () => {
  for (const row of catalogue) {
    const shared = ['network', 'cluster', 'vm-share', 'fuse'].includes(row.class);
    if (shared) assert.equal(row.verdict, 'refuse', row.name);
    if (row.class === 'local' || row.class === 'union') assert.notEqual(row.verdict, 'refuse', row.name);
  }
});

test('what does not last is warned of', () => {
  for (const row of catalogue) if (!row.durable) assert.ok(row.warning, row.name);
});

test('magic numbers fit in 32 bits and lead back to their row', () => {
  for (const row of linuxFilesystems) {
    for (const magic of row.magics) {
      assert.ok(Number.isInteger(magic) && magic > 0 && magic <= 0xffff_ffff, row.name);
      assert.ok(rowsOfMagic(magic).includes(row));
    }
  }
});

// Measured with statfs on kernels 6.1 and 6.18.
const measured = [
  ['ext4', 0xef53],
  ['xfs', 0x58465342],
  ['btrfs', 0x9123683e],
  ['tmpfs', 0x1021994],
  ['ramfs', 0x858458f6],
  ['overlay', 0x794c7630],
  ['fuseblk', 0x65735546],
  ['squashfs', 0x73717368],
  ['erofs', 0xe0f5e1e2],
  ['proc', 0x9fa0],
  ['sysfs', 0x62656572],
  ['nfs4', 0x6969],
  ['cifs', 0xfe534d42],
  ['f2fs', 0xf2f52010],
  ['vfat', 0x4d44],
  ['exfat', 0x2011bab0],
  ['nilfs2', 0x3434],
  ['jfs', 0x3153464a],
  ['hostfs', 0xc0ffee],
] as const;
for (const [type, magic] of measured) {
  test(`statfs of ${type} is 0x${magic.toString(16)}`, () =>
    assert.ok(rowOfType(type, 'linux')?.magics.includes(magic)));
}
