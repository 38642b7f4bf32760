/** Tests the judgement of mount options by durability. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { readMountOptions } from '../../../dist/filesystem/linux/mount-options.js';

interface Mount {
  readonly type: string;
  readonly superOptions?: string;
  readonly options?: string;
  readonly mountPoint?: string;
  readonly root?: string;
  readonly ext4?: readonly string[];
}

function read(mount: Mount) {
  return readMountOptions({
    mount: {
      type: mount.type,
      mountPoint: mount.mountPoint ?? '/data',
      root: mount.root ?? '/',
      options: (mount.options ?? 'rw,relatime').split(','),
      superOptions: (mount.superOptions ?? 'rw').split(','),
    },
    ext4Options: mount.ext4 ?? null,
  });
}

const rows: readonly (readonly [Mount, nonDurable: boolean, readOnly: boolean, ...codes: string[]])[] = [
  [{ type: 'ext4' }, false, false],
  [{ type: 'ext4', superOptions: 'rw,nobarrier' }, true, false, 'no-write-barrier'],
  [{ type: 'ext4', superOptions: 'rw,barrier=0' }, true, false, 'no-write-barrier'],
  [{ type: 'ext4', superOptions: 'rw,barrier=1' }, false, false],
  // tune2fs -o nobarrier: the mount table shows nothing, /proc/fs/ext4 does.
  [{ type: 'ext4', ext4: ['rw', 'nobarrier', 'data=ordered'] }, true, false, 'no-write-barrier'],
  [{ type: 'ext4', ext4: ['rw', 'barrier', 'data=ordered'] }, false, false],
  [{ type: 'ext4', ext4: ['rw', 'barrier'] }, true, false, 'no-journal'],
  [{ type: 'ext3', ext4: ['rw', 'barrier'] }, true, false, 'no-journal'],
  [{ type: 'ext2', ext4: ['rw', 'barrier'] }, false, false],
  [{ type: 'ext4', superOptions: 'rw,journal_async_commit,data=writeback' }, false, false, 'asynchronous-journal'],
  [{ type: 'ext4', superOptions: 'rw,data=journal' }, false, false],
  [{ type: 'ext4', superOptions: 'rw,commit=60,nodelalloc,noauto_da_alloc,max_batch_time=0' }, false, false],
  [{ type: 'ext4', superOptions: 'rw,emergency_ro' }, false, true, 'filesystem-failed'],
  [{ type: 'xfs', superOptions: 'rw,wsync,attr2' }, false, false],
  [{ type: 'btrfs', superOptions: 'rw,nobarrier,nodatacow,notreelog' }, true, false, 'no-write-barrier'],
  [{ type: 'btrfs', superOptions: 'rw,flushoncommit,nodatasum' }, false, false],
  [{ type: 'f2fs', superOptions: 'rw,fsync_mode=nobarrier' }, true, false, 'no-write-barrier'],
  [{ type: 'f2fs', superOptions: 'rw,fsync_mode=posix' }, false, false],
  [{ type: 'overlay', superOptions: 'rw,lowerdir=a,upperdir=b,workdir=c,volatile' }, true, false, 'volatile-overlay'],
  [
    { type: 'overlay', superOptions: 'rw,lowerdir=a,upperdir=b,workdir=c,fsync=volatile' },
    true,
    false,
    'volatile-overlay',
  ],
  [
    { type: 'overlay', superOptions: 'rw,lowerdir=a,upperdir=b,workdir=c,xino=on,redirect_dir=on,metacopy=on' },
    false,
    false,
  ],
  [{ type: 'overlay', superOptions: 'rw,lowerdir=a:b' }, false, true],
  [{ type: 'overlay', superOptions: 'rw,lowerdir+=a,lowerdir+=b' }, false, true],
  [{ type: 'overlay', mountPoint: '/', superOptions: 'rw,lowerdir=a,upperdir=b' }, true, false, 'container-layer'],
  [{ type: 'xfs', root: '/var/lib/kubelet/pods/u/volumes/kubernetes.io~empty-dir/w' }, true, false, 'pod-lifetime'],
  [{ type: 'ext4', options: 'ro,relatime' }, false, true],
  [{ type: 'ext4', superOptions: 'ro,norecovery' }, false, true],
  [{ type: 'cifs', superOptions: 'rw,nobrl,cache=loose,nostrictsync' }, false, false, 'network-mount-options'],
  [{ type: 'nfs', superOptions: 'rw,nolock,local_lock=all,soft' }, false, false, 'network-mount-options'],
  [{ type: 'nfs4', superOptions: 'rw,hard,local_lock=none' }, false, false],
  // `soft` and the like mean nothing elsewhere.
  [{ type: 'ext4', superOptions: 'rw,soft,nolock' }, false, false],
];

describe('readMountOptions', () => {
  for (const [mount, nonDurable, readOnly, ...codes] of rows) {
    test(JSON.stringify(mount), () => {
      const findings = read(mount);
      assert.deepEqual(
        findings.warnings.map(warning => warning.code),
        codes,
      );
      assert.equal(findings.nonDurable, nonDurable);
      assert.equal(findings.readOnly !== null, readOnly);
    });
  }

  test('every option of a network mount that weakens it is named', () => {
    const [warning] = read({ type: 'cifs', superOptions: 'rw,nobrl,cache=loose,nostrictsync' }).warnings;
    for (const option of ['nobrl', 'cache=loose', 'nostrictsync'])
      assert.match(warning?.message ?? '', new RegExp(option));
  });

  test('what is harmless is noted and not warned of', () => {
    const findings = read({
      type: 'ext4',
      superOptions: 'rw,data=writeback',
      ext4: ['data=writeback', 'errors=continue'],
    });
    assert.equal(findings.warnings.length, 0);
    assert.equal(findings.notes.length, 1);
  });
});
