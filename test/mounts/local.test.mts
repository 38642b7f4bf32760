/** Filesystems of this kernel, mounted for real: what is seen, what is decided, and that the database then is so. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Database, UnsafeFilesystemError } from 'safe-sqlite';
import { inspectFilesystem } from '../../dist/filesystem/inspect.js';
import type { FilesystemReport } from '../../dist/filesystem/report.js';
import { makeLab, run, whyNoMounts, whyNoType, type Lab } from './lab.mts';

const skip = whyNoMounts('mkfs.ext4', 'tune2fs');
const MiB = 1024 * 1024;

const codes = (report: FilesystemReport) => report.warnings.map(warning => warning.code);

/** Opens a database there with this library, and reads back what SQLite really does. */
function opened(folder: string): { journal: unknown; synchronous: unknown; planned: unknown } {
  const db = new Database(join(folder, 'app.db'), { logger: false });
  try {
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    const pragma = (name: string) => db.pragma(name, { simple: true });
    return { journal: pragma('journal_mode'), synchronous: pragma('synchronous'), planned: db.plan.journalMode };
  } finally {
    db.close();
  }
}

const inWal = { journal: 'wal', synchronous: 2, planned: 'wal' };

interface Expected {
  readonly type: string;
  readonly durable: boolean;
  readonly warnings: readonly string[];
}

/** The filesystem of this machine on which the images and the folders of overlays stand: in some containers without a journal. */
const machine = whyNoMounts() === false ? inspectFilesystem('/var/tmp/app.db') : null;

/** What is expected on a machine whose own filesystem keeps everything, as it is on this one. */
function onThisMachine(expected: Expected): Expected {
  if (machine?.durable !== false || expected.warnings.some(code => /^n(?:ested|on-durable)-/.test(code)))
    return expected;
  return { ...expected, durable: false, warnings: [...expected.warnings, 'nested-filesystem'] };
}

function expectWal(folder: string, expected: Expected): FilesystemReport {
  const report = inspectFilesystem(join(folder, 'app.db'));
  assert.deepEqual(
    {
      type: report.type,
      durable: report.durable,
      warnings: codes(report),
      verdict: report.verdict,
      mountPoint: report.mountPoint,
    },
    { ...onThisMachine(expected), verdict: 'wal', mountPoint: folder },
  );
  assert.equal(report.evidence.foundBy, 'descriptor');
  assert.deepEqual(opened(folder), inWal);
  return report;
}

describe('mounted filesystems', { skip }, () => {
  const lab: Lab = makeLab();
  const ext4 = (...options: readonly string[]) => lab.image(32 * MiB, 'mkfs.ext4', '-q', '-F', ...options);

  test('ext4', () => {
    const report = expectWal(lab.mount('-o', 'loop', ext4()), { type: 'ext4', durable: true, warnings: [] });
    assert.equal(report.class, 'local');
    assert.equal(report.evidence.statfsType, '0xef53');
    assert.match(report.evidence.notes.join(' '), /loop\d+ is the file/);
  });

  test('ext4 with nobarrier', () => {
    const mount = lab.mount('-o', 'loop,nobarrier', ext4());
    expectWal(mount, { type: 'ext4', durable: false, warnings: ['no-write-barrier'] });
  });

  test('ext4 with nobarrier in its superblock, which the mount table does not show', () => {
    const image = ext4();
    run('tune2fs', '-o', 'nobarrier', image);
    const report = expectWal(lab.mount('-o', 'loop', image), {
      type: 'ext4',
      durable: false,
      warnings: ['no-write-barrier'],
    });
    assert.doesNotMatch(report.evidence.mountRows.join('\n'), /nobarrier/);
  });

  test('ext4 without a journal', () => {
    const mount = lab.mount('-o', 'loop', ext4('-O', '^has_journal'));
    expectWal(mount, { type: 'ext4', durable: false, warnings: ['no-journal'] });
  });

  test('ext4 with data=journal and with data=writeback,journal_async_commit', () => {
    expectWal(lab.mount('-o', 'loop,data=journal', ext4()), { type: 'ext4', durable: true, warnings: [] });
    const mount = lab.mount('-o', 'loop,data=writeback,journal_async_commit', ext4());
    expectWal(mount, { type: 'ext4', durable: true, warnings: ['asynchronous-journal'] });
  });

  test('ext4 read-only: a writer is refused before it touches anything, a reader is let in', () => {
    const image = ext4();
    const mount = lab.mount('-o', 'loop', image);
    const file = join(mount, 'app.db');
    new Database(file, { logger: false, journalMode: 'rollback' }).exec('CREATE TABLE t(a)').close();
    lab.umount(mount);
    lab.mountAt(mount, '-o', 'loop,ro', image);
    assert.equal(inspectFilesystem(file).verdict, 'read-only');
    assert.throws(() => new Database(file, { logger: false }), UnsafeFilesystemError);
    const reader = new Database(file, { logger: false, readonly: true });
    assert.deepEqual(reader.prepare('SELECT * FROM t').all(), []);
    reader.close();
  });

  test('ext4 whose journal was aborted: the mount still says rw', () => {
    const mount = lab.mount('-o', 'loop', ext4());
    run('mount', '-o', 'remount,abort', mount);
    const report = inspectFilesystem(join(mount, 'app.db'));
    assert.ok(report.options.includes('rw'));
    assert.equal(report.verdict, 'read-only');
    if (report.superOptions.includes('emergency_ro')) assert.ok(codes(report).includes('filesystem-failed'));
    assert.throws(() => opened(mount), UnsafeFilesystemError);
  });

  for (const type of ['ext2', 'ext3'] as const) {
    test(type, { skip: whyNoType(type) }, () => {
      const mount = lab.mount('-t', type, '-o', 'loop', lab.image(32 * MiB, `mkfs.${type}`, '-q', '-F'));
      expectWal(mount, { type, durable: true, warnings: type === 'ext2' ? ['crash-unsafe-filesystem'] : [] });
    });
  }

  test('xfs', { skip: whyNoMounts('mkfs.xfs') || whyNoType('xfs') }, () => {
    // 300 MiB is the smallest that mkfs.xfs makes.
    expectWal(lab.mount('-o', 'loop', lab.image(300 * MiB, 'mkfs.xfs', '-q')), {
      type: 'xfs',
      durable: true,
      warnings: [],
    });
  });

  describe('btrfs', { skip: whyNoMounts('mkfs.btrfs', 'btrfs') || whyNoType('btrfs') }, () => {
    const image = () => lab.image(128 * MiB, 'mkfs.btrfs', '-q');

    test('its files have a device number that no mount has', () => {
      const mount = lab.mount('-o', 'loop', image());
      run('btrfs', 'subvolume', 'create', join(mount, 'sub'));
      const report = expectWal(mount, { type: 'btrfs', durable: true, warnings: [] });
      const mounted = report.evidence.mountRows[0]?.split(' ')[2];
      assert.notEqual(report.evidence.device, mounted);
      const inside = inspectFilesystem(join(mount, 'sub/app.db'));
      assert.equal(inside.mountPoint, mount);
      assert.notEqual(inside.evidence.device, report.evidence.device);
      assert.deepEqual(opened(join(mount, 'sub')), inWal);
    });

    test('a subvolume mounted by itself', () => {
      const file = image();
      const top = lab.mount('-o', 'loop', file);
      run('btrfs', 'subvolume', 'create', join(top, 'sub'));
      const device = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .find(line => line.includes(` ${top} `))
        ?.split(' - ')[1]
        ?.split(' ')[1];
      const report = expectWal(lab.mount('-o', 'subvol=sub', device ?? ''), {
        type: 'btrfs',
        durable: true,
        warnings: [],
      });
      assert.equal(report.root, '/sub');
    });

    test('nobarrier', () => {
      const mount = lab.mount('-o', 'loop,nobarrier', image());
      expectWal(mount, { type: 'btrfs', durable: false, warnings: ['no-write-barrier'] });
    });
  });

  for (const type of ['tmpfs', 'ramfs'] as const) {
    test(type, () => {
      const report = expectWal(lab.mount('-t', type, 'memory'), {
        type,
        durable: false,
        warnings: ['non-durable-filesystem'],
      });
      assert.equal(report.class, 'memory');
    });
  }

  test('a disk filesystem in a file in memory is memory', () => {
    const memory = lab.mount('-t', 'tmpfs', 'memory');
    const image = join(memory, 'image');
    run('truncate', '-s', '32M', image);
    run('mkfs.ext4', '-q', '-F', image);
    expectWal(lab.mount('-o', 'loop', image), { type: 'ext4', durable: false, warnings: ['nested-filesystem'] });
  });

  describe('an overlay, and a file behind a loop device, are as good as what they stand on', () => {
    const grounds: Readonly<
      Record<string, { readonly make: () => string; readonly durable: boolean; readonly says: RegExp }>
    > = {
      ext4: {
        make: () => lab.mount('-o', 'loop', ext4()),
        durable: true,
        says: machine?.durable === false ? /stands on/ : /^$/,
      },
      memory: { make: () => lab.mount('-t', 'tmpfs', 'memory'), durable: false, says: /memory/ },
      'ext4 without a journal': {
        make: () => lab.mount('-o', 'loop', ext4('-O', '^has_journal')),
        durable: false,
        says: /ext4 without a journal/,
      },
      'ext4 without barriers': {
        make: () => lab.mount('-o', 'loop,nobarrier', ext4()),
        durable: false,
        says: /mounted with `nobarrier`/,
      },
    };
    for (const [name, { make, durable, says }] of Object.entries(grounds)) {
      const proves = (type: string, folder: string) => {
        const warnings = durable ? [] : ['nested-filesystem'];
        const report = expectWal(folder, { type, durable, warnings });
        assert.match(report.warnings.map(({ message }) => message).join(), says);
      };

      test(`an overlay whose upper folder is on ${name}`, { skip: whyNoType('overlay') }, () => {
        const ground = make();
        for (const part of ['lower', 'upper', 'work']) mkdirSync(join(ground, part));
        const layers = ['lower', 'upper', 'work'].map(part => `${part}dir=${join(ground, part)}`);
        proves('overlay', lab.mount('-t', 'overlay', '-o', layers.join(), 'overlay'));
      });

      test(`a file on ${name}, and a file in that`, () => {
        let ground = make();
        for (const size of ['24M', '12M']) {
          const image = join(ground, 'image');
          run('truncate', '-s', size, image);
          run('mkfs.ext4', '-q', '-F', image);
          ground = lab.mount('-o', 'loop', image);
          proves('ext4', ground);
        }
      });
    }
  });

  test('zram', { skip: zramMissing() }, () => {
    const number = readFileSync('/sys/class/zram-control/hot_add', 'utf8').trim();
    const mount = lab.folder('zram');
    try {
      writeFileSync(`/sys/block/zram${number}/disksize`, '64M');
      run('mkfs.ext4', '-q', '-F', `/dev/zram${number}`);
      lab.mountAt(mount, `/dev/zram${number}`);
      expectWal(mount, { type: 'ext4', durable: false, warnings: ['non-durable-filesystem'] });
      lab.umount(mount);
    } finally {
      writeFileSync('/sys/class/zram-control/hot_remove', number);
    }
  });

  describe('overlay', { skip: whyNoType('overlay') }, () => {
    const layers = () => {
      const base = lab.folder('overlay');
      for (const name of ['lower', 'upper', 'work']) mkdirSync(join(base, name));
      const option = (...names: readonly string[]) => names.map(name => `${name}dir=${join(base, name)}`).join(',');
      return { base, option };
    };

    test('a union', () => {
      const { option } = layers();
      const mount = lab.mount('-t', 'overlay', '-o', option('lower', 'upper', 'work'), 'overlay');
      const report = expectWal(mount, { type: 'overlay', durable: true, warnings: [] });
      assert.equal(report.class, 'union');
    });

    test('volatile, however this kernel prints it', () => {
      const { option } = layers();
      const mount = lab.mount('-t', 'overlay', '-o', `${option('lower', 'upper', 'work')},volatile`, 'overlay');
      expectWal(mount, { type: 'overlay', durable: false, warnings: ['volatile-overlay'] });
    });

    test('without an upper folder', () => {
      const { base, option } = layers();
      mkdirSync(join(base, 'lower2'));
      const lower = `${option('lower')}:${join(base, 'lower2')}`;
      const mount = lab.mount('-t', 'overlay', '-o', lower, 'overlay');
      assert.equal(inspectFilesystem(join(mount, 'app.db')).verdict, 'read-only');
      assert.throws(() => opened(mount), UnsafeFilesystemError);
    });
  });

  for (const [type, tool] of [
    ['squashfs', 'mksquashfs'],
    ['erofs', 'mkfs.erofs'],
  ] as const) {
    test(type, { skip: whyNoMounts(tool) || whyNoType(type) }, () => {
      const source = lab.folder('source');
      const file = join(source, 'app.db');
      new Database(file, { logger: false, journalMode: 'rollback' })
        .exec('CREATE TABLE t(a); INSERT INTO t VALUES (7)')
        .close();
      const image = join(lab.folder('image'), 'image');
      if (type === 'squashfs') run(tool, source, image, '-quiet', '-no-progress');
      else run(tool, '--quiet', image, source);
      const mounted = join(lab.mount('-o', 'loop', image), 'app.db');
      const report = inspectFilesystem(mounted);
      assert.deepEqual([report.class, report.verdict], ['read-only', 'read-only']);
      assert.throws(() => new Database(mounted, { logger: false }), UnsafeFilesystemError);
      const reader = new Database(mounted, { logger: false, readonly: true });
      assert.equal(reader.prepare('SELECT a FROM t').pluck().get(), 7);
      reader.close();
    });
  }

  test('the tables of the kernel', () => {
    for (const path of ['/proc/app.db', '/sys/app.db']) {
      assert.throws(() => new Database(path, { logger: false }), UnsafeFilesystemError, path);
    }
  });

  test('mounts that change between two inspections of one folder and one file', () => {
    const folder = lab.folder('looked-at');
    const file = join(folder, 'app.db');
    const other = join(lab.mount('-t', 'tmpfs', 'tmpfs'), 'other.db');
    for (const path of [file, other]) writeFileSync(path, '');
    const look = () => {
      const { type, mountPoint, evidence } = inspectFilesystem(file);
      return { type, mountPoint, fileIsMount: evidence.mountId !== evidence.folderMountId };
    };
    const plain = look();
    assert.deepEqual(look(), plain);
    lab.mountAt(file, '--bind', other);
    assert.deepEqual(look(), { type: 'tmpfs', mountPoint: file, fileIsMount: true });
    lab.umount(file);
    assert.deepEqual(look(), plain);
    lab.mountAt(folder, '-t', 'tmpfs', 'tmpfs');
    assert.deepEqual(look(), { type: 'tmpfs', mountPoint: folder, fileIsMount: false });
    writeFileSync(file, '');
    assert.deepEqual(look(), { type: 'tmpfs', mountPoint: folder, fileIsMount: false });
    lab.umount(folder);
    assert.deepEqual(look(), plain);
    // The same folder and the same inode by another mount with other options.
    lab.mountAt(folder, '--bind', folder);
    assert.deepEqual(look(), { ...plain, mountPoint: folder });
    lab.umount(folder);
    assert.deepEqual(look(), plain);
  });
});

function zramMissing(): false | string {
  try {
    statSync('/sys/class/zram-control/hot_add');
    return false;
  } catch {
    return 'needs zram in the kernel';
  }
}
