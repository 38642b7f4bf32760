/** The parser of mountinfo, and the walk over it. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { mountOf, parseMountTable } from '../../../dist/filesystem/linux/mount-table.js';

/** As the kernel escapes: `mangle_path(.., " \t\n\\")`, byte by byte. */
function escape(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replaceAll(/[ \t\n\\]/g, character => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

const table = (lines: readonly string[]) => parseMountTable(`${lines.join('\n')}\n`);

describe('parseMountTable', () => {
  test('any number of optional fields', () => {
    for (const optional of ['', 'shared:1 ', 'shared:1 master:2 propagate_from:3 unbindable ']) {
      const [row] = table([`36 35 98:0 /mnt1 /mnt2 rw,noatime ${optional}- ext3 /dev/root rw,errors=continue`]).rows;
      assert.deepEqual(
        [row?.id, row?.parent, row?.device, row?.root, row?.mountPoint, row?.type, row?.source],
        [36, 35, '98:0', '/mnt1', '/mnt2', 'ext3', '/dev/root'],
      );
      assert.deepEqual(row?.options, ['rw', 'noatime']);
      assert.deepEqual(row?.superOptions, ['rw', 'errors=continue']);
    }
  });

  test('every path comes back from its escapes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (mountPoint, source) => {
        fc.pre(!mountPoint.includes('\0') && !source.includes('\0'));
        const [row] = table([`1 0 0:1 / /${escape(mountPoint)} rw - x /${escape(source)} rw`]).rows;
        assert.equal(row?.mountPoint, `/${mountPoint}`);
        assert.equal(row?.source, `/${source}`);
      }),
    );
  });

  test('options are not unescaped, and may hold spaces: WSL prints Windows paths raw', () => {
    const [row] = table([
      '1 0 0:1 / /d rw - 9p C:\\134 rw,aname=drvfs;path=C:\\040x\\Program Files\\D;uid=0,msize=1',
    ]).rows;
    assert.equal(row?.source, 'C:\\');
    assert.deepEqual(row?.superOptions, ['rw', 'aname=drvfs;path=C:\\040x\\Program Files\\D;uid=0', 'msize=1']);
  });

  test('an empty source, and lines that are none', () => {
    const parsed = table(['1 0 0:1 / /d rw - tmpfs  rw', 'nonsense', '', '1 2 3', '0 0 0:0 promise - promise']);
    assert.equal(parsed.rows.length, 1);
    assert.equal(parsed.rows[0]?.source, '');
  });

  test('the real table of this machine', () => {
    const text = readFileSync('/proc/self/mountinfo', 'latin1');
    const { rows, byId } = parseMountTable(text);
    assert.equal(rows.length, text.trimEnd().split('\n').length);
    assert.equal(byId.size, rows.length);
  });
});

describe('mountOf', () => {
  const rows = table([
    '20 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '21 20 0:30 / /hid/sub rw - ramfs ramfs rw',
    '22 20 0:31 / /hid rw - tmpfs tmpfs rw',
    '23 20 0:32 / /over rw - tmpfs below rw',
    '24 23 0:33 / /over rw - xfs above rw',
    '25 24 0:34 / /over/in rw - btrfs inner rw',
    '26 20 0:35 / /a rw - tmpfs a rw',
  ]);
  const cases = [
    ['/', '/dev/sda1'],
    ['/x/y', '/dev/sda1'],
    ['/hid/sub/x', 'tmpfs'],
    ['/over/x', 'above'],
    ['/over/in/x', 'inner'],
    ['/a', 'a'],
    ['/ab/x', '/dev/sda1'],
  ] as const;
  for (const [path, source] of cases) {
    test(`${path} is on ${source}`, () => assert.equal(mountOf(rows, path)?.source, source));
  }

  test('in a chroot whose own mount is not listed, a mount below is found and nothing is guessed', () => {
    const chroot = table(['30 27 0:21 / /proc rw - proc proc rw']);
    assert.equal(mountOf(chroot, '/proc/x')?.type, 'proc');
    assert.equal(mountOf(chroot, '/data/x'), null);
  });
});
