// Verdicts about what cannot be built here: RAID, device mapper, quotas, other disks. The facts are as the kernel prints them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Finding } from 'safe-sqlite';
import { shellWord } from '../../dist/base/terminal-text.js';
import type { DoctorFacts } from '../../dist/doctor/facts.js';
import type { CheckInput } from '../../dist/doctor/judge/subject.js';
import { judge } from '../../dist/doctor/judge/judge.js';
import { judgeMissed, unread } from '../../dist/doctor/judge/unread.js';
import { storageCommands } from '../../dist/doctor/judge/storage-commands.js';
import type { Device } from '../../dist/filesystem/linux/device.js';
import type { FilesystemReport } from '../../dist/filesystem/report.js';
import { parseLockTable } from '../../dist/proc/lock-table.js';
import { commandOf } from '../../dist/proc/processes.js';

const disk = { name: 'sda', model: 'A disk', readOnly: false, ioErrors: null };
const device: Device = {
  name: 'sda1',
  path: '/dev/sda1',
  disks: [disk],
  backingFile: null,
  raid: null,
  mapped: null,
  errors: null,
};

function ground(type: string, superOptions: readonly string[] = []): FilesystemReport {
  return {
    path: '/data/app.db',
    target: '/data/app.db',
    platform: 'linux',
    mountPoint: '/data',
    type,
    source: '/dev/sda1',
    root: '/',
    options: ['rw'],
    superOptions,
    class: 'local',
    verdict: 'wal',
    reason: 'A disk.',
    durable: true,
    warnings: [],
    sandbox: { gVisor: false, wsl: null, container: null },
    evidence: {
      rule: 'type',
      foundBy: 'descriptor',
      mountRows: [],
      mountId: 1,
      folderMountId: 1,
      statfsType: null,
      device: '8:1',
      notes: [],
    },
  };
}

function codes(facts: Partial<DoctorFacts>): readonly string[] {
  const patient: CheckInput = {
    file: '/data/app.db',
    facts,
    now: 0,
    uid: 0,
    platform: 'linux',
    sqliteVersion: '3.54.1',
    decision: null,
    backupsGiven: false,
  };
  return judge(patient)
    .filter(({ level }: Finding) => level !== 'ok')
    .map(({ level, code }: Finding) => `${level} ${code}`);
}

describe('devices', () => {
  const rows: readonly (readonly [string, Partial<Device>, readonly string[]])[] = [
    ['nothing wrong', {}, []],
    ['RAID without a disk', { raid: { state: 'clean', missingDisks: 1, mismatches: 0 } }, ['warning raid-degraded']],
    [
      'RAID whose disks differ',
      { raid: { state: 'clean', missingDisks: 0, mismatches: 128 } },
      ['note raid-mismatches'],
    ],
    ['a volume that waits', { mapped: { name: 'vg-data', suspended: true } }, ['problem device-suspended']],
    ['a disk that turned read-only', { disks: [{ ...disk, readOnly: true }] }, ['problem disk-read-only']],
    ['a disk with failed requests', { disks: [{ ...disk, ioErrors: 7 }] }, ['note disk-errors']],
    [
      'btrfs with errors',
      {
        errors: {
          source: '/sys/fs/btrfs/x',
          count: 3,
          counters: { 'corruption_errs of device 1': 3 },
          first: null,
          last: null,
        },
      },
      ['problem filesystem-errors'],
    ],
  ];
  for (const [name, facts, expected] of rows) {
    test(name, () => assert.deepEqual(codes({ device: { ...device, ...facts } }), expected));
  }
});

describe('room', () => {
  const GB = 1_000_000_000;
  const space = { totalBytes: 100 * GB, freeBytes: 50 * GB, reservedBytes: 0, totalInodes: 1000, freeInodes: 500 };
  const rows: readonly (readonly [string, Partial<typeof space>, readonly string[]])[] = [
    ['enough', {}, []],
    ['a small share of a large disk is enough', { freeBytes: 2 * GB }, []],
    ['nearly none', { freeBytes: 0.5 * GB }, ['warning disk-nearly-full']],
    ['none', { freeBytes: 0 }, ['problem disk-full']],
    ['few inodes', { freeInodes: 5 }, ['warning few-inodes']],
    ['no inodes', { freeInodes: 0 }, ['problem few-inodes']],
    ['a filesystem that counts none', { totalInodes: 0, freeInodes: 0 }, []],
  ];
  for (const [name, facts, expected] of rows) {
    test(name, () => assert.deepEqual(codes({ space: { ...space, ...facts } }), expected));
  }

  test('a filesystem that is only read always reports that nothing is free', () => {
    const full = { ...space, freeBytes: 0, freeInodes: 0 };
    const squashfs = { ...ground('squashfs'), verdict: 'read-only' as const };
    assert.deepEqual(
      codes({ space: full, ground: squashfs }).filter(code => /disk|inodes/.test(code)),
      [],
    );
    assert.ok(codes({ space: full, ground: ground('ext4') }).includes('problem disk-full'));
  });

  test('quotas', () => {
    for (const option of ['usrquota', 'grpquota', 'prjquota', 'quota']) {
      assert.deepEqual(codes({ space, ground: ground('ext4', [option]) }), ['note quota']);
    }
    assert.deepEqual(codes({ space, ground: ground('xfs', ['noquota']) }), []);
  });
});

test('a WAL that is larger than its database and large in itself', () => {
  const header: DoctorFacts['header'] = {
    fileBytes: 10_000_000,
    kind: 'database',
    looksLike: null,
    damage: null,
    journalMode: 'wal',
    pageSize: 4096,
    pages: null,
    freePages: 0,
    userVersion: 0,
    applicationId: 0,
    writtenBy: null,
  };
  const wal = {
    fileBytes: 400_000_000,
    headerValid: true,
    pageSize: 4096,
    salts: 'a',
    framesInFile: 97_000,
    validFrames: 0,
    committedFrames: 0,
    unreachableCommits: 0,
    readInFull: false,
  };
  assert.deepEqual(codes({ header, journals: { wal, index: null, rollback: null } }), [
    'note wal-nothing-committed',
    'warning wal-large',
  ]);
  assert.deepEqual(
    unread([], { journals: { wal, index: null, rollback: null } }).map(({ what }) => what),
    ['the end of the -wal'],
  );
});

test('what failed to be looked at: the storage, a hang, or only the rights', () => {
  const missed = (why: 'failed' | 'hung', code: string | null) =>
    [...judgeMissed([{ step: 'header', why, code, message: 'm' }], '/data', '/data/app.db')].map(
      ({ code: found }) => found,
    );
  assert.deepEqual(missed('failed', 'EIO'), ['storage-error']);
  assert.deepEqual(missed('hung', null), ['no-answer']);
  assert.deepEqual(missed('failed', 'EACCES'), ['cannot-look']);
});

describe('commands for the device', () => {
  const rows: readonly (readonly [string, string, Partial<Device> | null, readonly RegExp[]])[] = [
    [
      'ext4 on a SCSI disk',
      'ext4',
      {},
      [/^e2fsck -fn \/dev\/sda1 /, /^smartctl -a \/dev\/sda$/, /^dmesg .*sda1\|sda\|ext4/],
    ],
    [
      'xfs on NVMe',
      'xfs',
      { disks: [{ ...disk, name: 'nvme0n1' }] },
      [/^xfs_repair -n /, /^nvme smart-log \/dev\/nvme0n1$/],
    ],
    ['btrfs', 'btrfs', {}, [/^btrfs scrub start -Bdr \/data$/, /^btrfs check --readonly \/dev\/sda1 /]],
    ['zfs, which has no block device', 'zfs', null, [/^zpool status -v$/]],
    [
      'a RAID',
      'ext4',
      { name: 'md0', raid: { state: 'clean', missingDisks: 0, mismatches: 0 } },
      [/^mdadm --detail \/dev\/md0$/],
    ],
    ['a volume', 'ext4', { name: 'dm-0', mapped: { name: 'vg-data', suspended: false } }, [/^dmsetup status vg-data$/]],
  ];
  for (const [name, type, facts, expected] of rows) {
    test(name, () => {
      const commands = storageCommands(ground(type), facts === null ? null : { ...device, ...facts });
      for (const pattern of expected)
        assert.ok(
          commands.some(command => pattern.test(command)),
          `${pattern} in\n${commands.join('\n')}`,
        );
    });
  }

  test('a virtual disk has no SMART', () => {
    const commands = storageCommands(ground('ext4'), { ...device, disks: [{ ...disk, name: 'vda' }] });
    assert.ok(!commands.some(command => command.startsWith('smartctl')));
  });
});

test(
  'paths are quoted for a shell',
  { skip: process.platform === 'win32' && 'test/base/windows-words.test.mts' },
  () => {
    assert.deepEqual(['/data/app.db', "/a b/it's.db", '/x;rm'].map(shellWord), [
      '/data/app.db',
      `'/a b/it'\\''s.db'`,
      `'/x;rm'`,
    ]);
  },
);

test('a process is named by program and script, without what may be a secret', () => {
  assert.equal(
    commandOf(['/usr/bin/node', '--import', 'x', '/app/server.js', '--password=secret', ''], 'node'),
    'node server.js',
  );
  assert.equal(commandOf(['/usr/bin/sqlite3', 'app.db', ''], 'sqlite3'), 'sqlite3');
  assert.equal(commandOf([''], 'nginx: worker'), 'nginx: worker');
});

test('the table of locks: POSIX locks that are held, and nothing else', () => {
  const text = [
    '1: POSIX  ADVISORY  READ 250 fe:00:4711 1073741826 1073742335',
    '2: POSIX  ADVISORY  WRITE 251 fe:00:4711 0 EOF',
    '2: -> POSIX  ADVISORY  WRITE 252 fe:00:4711 0 EOF',
    '3: FLOCK  ADVISORY  WRITE 253 fe:00:4711 0 EOF',
    '4: OFDLCK ADVISORY  READ -1 fe:00:4711 0 EOF',
    '',
  ].join('\n');
  assert.deepEqual(parseLockTable(text), [
    { kind: 'read', pid: 250, file: 'fe:00:4711', start: 1073741826, end: 1073742335 },
    { kind: 'write', pid: 251, file: 'fe:00:4711', start: 0, end: Number.MAX_SAFE_INTEGER },
  ]);
});
