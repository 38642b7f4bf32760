/** The doctor on real mounts in trouble: what it finds, that it does not hang, and that it changes nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Database, { diagnose, inspectFilesystem } from 'safe-sqlite';
import { crashedWal, elsewhere, found, leftWal, looked } from '../doctor/check-input.mts';
import { makeLab, run, whyNoMounts, whyNoType } from './lab.mts';

const MiB = 1024 * 1024;
const noMounts = whyNoMounts('losetup');
const noFuse = whyNoMounts('bindfs') || whyNoType('fuse') || (existsSync('/dev/fuse') ? false : 'needs /dev/fuse');
const small = `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)'); db.close()`;

describe('disks', { skip: noMounts }, () => {
  const lab = makeLab();

  function ext4(...options: readonly string[]): { mount: string; file: string; device: string } {
    const mount = lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q', ...options));
    const source = run('findmnt', '-n', '-o', 'SOURCE', mount).trim();
    return { mount, file: join(mount, 'app.db'), device: basename(source) };
  }

  test('sound, with the commands for this very device', async () => {
    const { mount, file, device } = ext4();
    elsewhere(file, small);
    const diagnosis = await looked(file);
    assert.match(found(diagnosis, 'no-filesystem-errors').what, new RegExp(`on ${device} has counted no errors`));
    assert.match(found(diagnosis, 'ground').what, new RegExp(`ext4 filesystem at ${mount} \\(/dev/${device}\\)`));
    assert.ok(diagnosis.storageCommands.includes(`e2fsck -fn /dev/${device}  # only when ${mount} is unmounted`));
    assert.ok(diagnosis.storageCommands.some(command => command.startsWith(`dmesg -T | grep -E '${device}|`)));
    assert.equal(diagnosis.facts.device?.backingFile?.startsWith(lab.root), true);
    // Those that only read a mounted filesystem are run as they stand.
    const [tune2fs = ''] = diagnosis.storageCommands.filter(command => command.startsWith('tune2fs'));
    assert.match(run('sh', '-c', tune2fs), /Filesystem state/);
  });

  test('ext4 that counted errors', async t => {
    const { file, device } = ext4('-e', 'continue');
    elsewhere(file, small);
    const trigger = `/sys/fs/ext4/${device}/trigger_fs_error`;
    if (!existsSync(trigger)) return t.skip('needs trigger_fs_error of ext4');
    writeFileSync(trigger, 'the disk of this test');
    const errors = found(await looked(file), 'filesystem-errors');
    assert.match(
      errors.what,
      new RegExp(`on ${device} has counted errors: errors_count 1\\. The first: 20.* in trigger_test_error`),
    );
    assert.equal(errors.level, 'problem');

    // What has the database open hears of it too.
    const db = new Database(file, { logger: false });
    const { status, reasons, filesystemErrors } = db.health();
    assert.equal(filesystemErrors?.count, 1);
    assert.equal(status, 'degraded');
    assert.match(reasons.join(), /errors_count 1/);
    assert.match(db.metrics(), /^safe_sqlite_filesystem_errors\{database="main"\} 1$/m);
    db.close();
  });

  test('ext4 that stopped after an error, though its mount says rw', async t => {
    const { mount, file, device } = ext4('-e', 'remount-ro');
    crashedWal(file);
    const trigger = `/sys/fs/ext4/${device}/trigger_fs_error`;
    if (!existsSync(trigger)) return t.skip('needs trigger_fs_error of ext4');
    writeFileSync(trigger, 'the disk of this test');
    const diagnosis = await looked(file);
    const codes = diagnosis.findings.map(({ code }) => code);
    // Linux 6.13 and later say emergency_ro, older ones ro.
    assert.ok(codes.includes('filesystem-stopped') || codes.includes('filesystem-read-only'), codes.join());
    assert.ok(codes.includes('filesystem-errors'));
    assert.ok(diagnosis.findings.some(({ what }) => what.includes(mount)));
  });

  test('mounted read-only', async () => {
    const { mount, file } = ext4();
    crashedWal(file);
    run('mount', '-o', 'remount,ro', mount);
    const diagnosis = await looked(file);
    assert.equal(found(diagnosis, 'unsafe-filesystem').level, 'problem');
    assert.match(found(diagnosis, 'unsafe-filesystem').what, /for writing/);
    // Said once, by the mount that is the reason.
    assert.ok(!diagnosis.findings.some(({ code }) => code === 'not-writable'));
    assert.match(leftWal(diagnosis).what, /3 committed frames/);
  });

  test('a disk that is read-only itself', async () => {
    const image = lab.image(32 * MiB, 'mkfs.ext4', '-q');
    const mount = lab.mount('-o', 'loop', image);
    elsewhere(join(mount, 'app.db'), small);
    lab.umount(mount);
    const device = run('losetup', '--find', '--show', '--read-only', image).trim();
    try {
      run('mount', '-o', 'ro', device, mount);
      assert.match(
        found(await looked(join(mount, 'app.db')), 'disk-read-only').what,
        new RegExp(`disk ${basename(device)} is`),
      );
      lab.umount(mount);
    } finally {
      run('losetup', '--detach', device);
    }
  });

  test('nearly full, full, and without inodes', async () => {
    const { mount, file } = ext4('-m', '0');
    elsewhere(file, small);
    const fill = (leave: number): void => {
      const free = Number(run('df', '--output=avail', '--block-size=1', mount).split('\n')[1]);
      run(
        'dd',
        'if=/dev/zero',
        `of=${join(mount, 'other')}`,
        'bs=4096',
        `count=${Math.floor((free - leave) / 4096)}`,
        'oflag=append',
        'conv=notrunc',
        'status=none',
      );
    };
    fill(1.2 * MiB);
    assert.equal(found(await looked(file), 'disk-nearly-full').level, 'warning');
    fill(0.5 * MiB);
    assert.equal(found(await looked(file), 'disk-full').level, 'problem');
    const inodes = ext4('-N', '16');
    elsewhere(inodes.file, small);
    for (let name = 0; spawnSync('touch', [join(inodes.mount, `f${name}`)]).status === 0; name++);
    assert.match(found(await looked(inodes.file), 'few-inodes').what, /^0 of \d+ inodes/);
  });

  test('btrfs and xfs name their own tools', async t => {
    for (const [type, size, tool] of [
      ['btrfs', 128, 'btrfs device stats'],
      ['xfs', 320, 'xfs_repair -n'],
    ] as const) {
      const missing = whyNoMounts(`mkfs.${type}`) || whyNoType(type);
      if (missing !== false) {
        t.diagnostic(`${type}: ${missing}`);
        continue;
      }
      const mount = lab.mount('-o', 'loop', lab.image(size * MiB, `mkfs.${type}`, '-q'));
      elsewhere(join(mount, 'app.db'), small);
      const { storageCommands, facts, status } = await looked(join(mount, 'app.db'));
      assert.ok(
        storageCommands.some(command => command.startsWith(tool)),
        storageCommands.join('\n'),
      );
      assert.match(facts.device?.path ?? '', /^\/dev\/loop\d+$/);
      // The image is as durable as the disk of this machine.
      assert.equal(status, inspectFilesystem(lab.root).durable ? 'note' : 'warning');
      if (type === 'btrfs') assert.equal(facts.device?.errors?.count, 0);
    }
  });

  test('tmpfs', async () => {
    const file = join(lab.mount('-t', 'tmpfs', '-o', 'size=32m', 'tmpfs'), 'app.db');
    elsewhere(file, small);
    const { findings, facts } = await looked(file);
    assert.ok(
      findings.some(
        ({ level, topic, code }) => level === 'warning' && topic === 'ground' && code === 'non-durable-filesystem',
      ),
    );
    assert.equal(facts.device, null);
  });

  test('a file that is a mount of its own', async () => {
    const { file } = ext4();
    elsewhere(file, small);
    const target = join(lab.folder('bind'), 'app.db');
    writeFileSync(target, '');
    run('mount', '--bind', file, target);
    assert.match(found(await looked(target), 'file-is-mount-point').what, /is a mount point/);
    lab.umount(target);
  });
});

describe('FUSE', { skip: noFuse }, () => {
  const lab = makeLab();

  function bindfs() {
    const [source, mount] = [lab.folder('source'), lab.folder('bindfs')];
    return { source, mount, daemon: lab.fuse(mount, 'bindfs', '-f', source, mount) };
  }

  test('a shared mount is refused, and everything on it is looked at all the same', async () => {
    const { source, mount } = bindfs();
    crashedWal(join(source, 'app.db'));
    const diagnosis = await looked(join(mount, 'app.db'), { full: true });
    assert.equal(found(diagnosis, 'unsafe-filesystem').level, 'problem');
    assert.match(leftWal(diagnosis).what, /3 committed frames/);
    assert.match(
      diagnosis.notLookedAt.find(({ what }) => what.includes('integrity'))?.why ?? '',
      /not safe on this filesystem/,
    );
  });

  test('a dead daemon: the report comes, says so, and leaves no process behind', async () => {
    const { mount, daemon } = bindfs();
    const file = join(mount, 'app.db');
    elsewhere(file, small);
    daemon.kill('SIGSTOP');
    try {
      const diagnosis = await diagnose(file, { stepTimeoutMs: 1000 });
      assert.match(found(diagnosis, 'no-answer').what, new RegExp(`^${mount} does not answer: reading the files`));
      assert.ok(diagnosis.notLookedAt.some(({ what }) => what === 'the header of the database'));
      assert.equal(found(diagnosis, 'unsafe-filesystem').level, 'problem');
      assert.equal(looking(file).length, 0, 'the process that looked is still there');
    } finally {
      daemon.kill('SIGCONT');
      await delay(10);
    }
  });

  test('a descriptor on a dead mount in some process does not stop the look at a local database', async () => {
    const { mount, daemon } = bindfs();
    writeFileSync(join(mount, 'held'), '');
    const local = join(lab.folder('local'), 'app.db');
    elsewhere(local, small);
    const descriptor = openSync(join(mount, 'held'), 'r');
    // Longer than FUSE keeps the facts of a file.
    await delay(1500);
    daemon.kill('SIGSTOP');
    try {
      // The hazard: whoever asks for the facts of each descriptor of each process.
      const careless = spawnSync('stat', ['-L', `/proc/${process.pid}/fd/${descriptor}`], {
        timeout: 2000,
        killSignal: 'SIGKILL',
      });
      assert.equal(careless.signal, 'SIGKILL');
      const script = `require(${JSON.stringify(join(import.meta.dirname, '../../dist/proc/holders.js'))}).findHolders({ dev: 1n, ino: 1n })`;
      const careful = spawnSync(process.execPath, ['-e', script], { timeout: 20_000, killSignal: 'SIGKILL' });
      assert.equal(careful.status, 0);
      assert.equal((await looked(local, { stepTimeoutMs: 5000 })).facts.processes !== undefined, true);
    } finally {
      daemon.kill('SIGCONT');
      await delay(10);
      closeSync(descriptor);
    }
  });

  test('a daemon that ended: the mount answers with ENOTCONN', async () => {
    const { mount, daemon } = bindfs();
    const file = join(mount, 'app.db');
    elsewhere(file, small);
    daemon.kill('SIGKILL');
    await delay(50);
    const diagnosis = await diagnose(file);
    assert.equal(diagnosis.status, 'problem');
    assert.match(found(diagnosis, 'storage-error').what, /ENOTCONN/);
  });
});

/** Command lines of processes that look at `file` now. */
function looking(file: string): readonly string[] {
  const lines = run('ps', '-eo', 'args').split('\n');
  return lines.filter(line => line.includes('safe-sqlite-doctor') && line.includes(file));
}
