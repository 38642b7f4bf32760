/** Tests the judgement of a disk below a mount, of a mount missing in the table, and of a dead daemon. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mustNotTouch } from '../../../dist/filesystem/classify.js';
import { judgeMount, judgeUnseen } from '../../../dist/filesystem/linux/judge-mount.js';
import { mountOf, parseMountTable } from '../../../dist/filesystem/linux/mount-table.js';

const sandbox = { gVisor: false, wsl: null, container: null };
const ext4Magic = 0xef53;
const nfsMagic = 0x6969;

function mountOfType(type: string, source = '/dev/ram0') {
  const table = parseMountTable(`20 1 1:0 / / rw - ext4 /dev/sda1 rw\n21 20 1:1 / /data rw - ${type} ${source} rw\n`);
  const mount = mountOf(table, '/data/app.db');
  assert.ok(mount !== null);
  assert.equal(mount.type, type);
  return { table, mount };
}

describe('the disk below', () => {
  const block = { ext4Options: null, nonDurable: false, warnings: [], notes: [], backingFile: null };
  const judge = (nonDurable: boolean) =>
    judgeMount({ ...mountOfType('ext4'), sandbox, statfsType: ext4Magic, block: { ...block, nonDurable } }).judgement;

  test('ext4 on a disk is durable', () => {
    assert.equal(judge(false).durable, true);
    assert.equal(judge(false).verdict, 'wal');
  });
  test('ext4 on a disk made of memory is not', () => assert.equal(judge(true).durable, false));
});

describe('a mount that is not in the table', () => {
  test('a disk filesystem on a block device is opened, and warned of', () => {
    const judgement = judgeUnseen(ext4Magic, '8:1');
    assert.notEqual(judgement.verdict, 'refuse');
    assert.deepEqual(
      judgement.warnings.map(({ code }) => code),
      ['mount-not-visible'],
    );
  });
  const refused: readonly (readonly [what: string, statfsType: number | null, device: string | null])[] = [
    ['the magic of a disk filesystem without a block device may be passed through by FUSE', ext4Magic, '0:44'],
    ['no device', ext4Magic, null],
    ['a network', nfsMagic, '0:44'],
    ['the magic of a network with a block device', nfsMagic, '8:1'],
    ['an unknown magic', 0x12345678, '8:1'],
    ['no magic', null, '8:1'],
  ];
  for (const [what, statfsType, device] of refused) {
    test(`${what}: refused`, () => assert.equal(judgeUnseen(statfsType, device).verdict, 'refuse'));
  }
});

describe('a mount whose server may be dead', () => {
  for (const type of ['nfs4', 'cifs', '9p', 'fuse.sshfs', 'fuse.s3fs', 'fuse.unheard-of', 'fuse.mergerfs', 'ceph']) {
    test(`${type} is not touched by a system call that could hang`, () => {
      assert.equal(mustNotTouch(mountOfType(type, 'server:/x').mount, sandbox), true);
    });
  }
  for (const type of ['ext4', 'xfs', 'btrfs', 'tmpfs', 'overlay']) {
    test(`${type} may be touched`, () => {
      assert.equal(mustNotTouch(mountOfType(type).mount, sandbox), false);
    });
  }
});
