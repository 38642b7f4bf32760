/** Real FUSE mounts: what they look like, that they are refused before the file is touched, and what happens without that. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database, SqliteSharedMemoryError, UnsafeFilesystemError } from 'safe-sqlite';
import { inspectFilesystem } from '../../dist/filesystem/inspect.js';
import { locate } from '../../dist/filesystem/locate.js';
import { makeLab, run, whyNoMounts, whyNoType } from './lab.mts';

const MiB = 1024 * 1024;
const sftpServer = ['/usr/lib/openssh/sftp-server', '/usr/libexec/openssh/sftp-server'].find(path => existsSync(path));
const noFuse = whyNoMounts() || whyNoType('fuse') || (existsSync('/dev/fuse') ? false : 'needs /dev/fuse');
const needs = (...tools: readonly string[]) => noFuse || whyNoMounts(...tools);

describe('FUSE', { skip: noFuse }, () => {
  const lab = makeLab();

  function bindfs(): { source: string; mount: string; daemon: ReturnType<typeof lab.fuse> } {
    const [source, mount] = [lab.folder('source'), lab.folder('bindfs')];
    return { source, mount, daemon: lab.fuse(mount, 'bindfs', '-f', source, mount) };
  }

  /** Refused, and nothing was made; allowed, it opens in rollback mode and says so. */
  function refused(mount: string, type: string, kind: string): void {
    const file = join(mount, 'app.db');
    const report = inspectFilesystem(file);
    assert.deepEqual(
      [report.type, report.class, report.verdict, report.evidence.foundBy],
      [type, kind, 'refuse', 'lexical'],
    );
    assert.throws(
      () => new Database(file, { logger: false }),
      (error: Error) =>
        error instanceof UnsafeFilesystemError && error.message.includes(mount) && error.message.includes(type),
    );
    assert.deepEqual(readdirSync(mount), []);
    const touched = inspectFilesystem(file, { touchShared: true });
    assert.deepEqual(
      [touched.evidence.statfsType, touched.evidence.foundBy, touched.verdict],
      ['0x65735546', 'descriptor', 'refuse'],
    );
    const db = new Database(file, {
      logger: false,
      dangerously: { allowNetworkFilesystem: 'this test is the only one that opens it' },
    });
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    assert.equal(db.pragma('journal_mode', { simple: true }), 'delete');
    assert.equal(db.pragma('synchronous', { simple: true }), 3);
    assert.equal(db.plan.warnings[0]?.code, 'network-filesystem-allowed');
    db.close();
  }

  test('bindfs calls itself `fuse` and nothing else', { skip: needs('bindfs') }, () => {
    refused(bindfs().mount, 'fuse', 'fuse');
  });

  test('mergerfs', { skip: needs('mergerfs') }, () => {
    const [source, mount] = [lab.folder('source'), lab.folder('mergerfs')];
    lab.fuse(mount, 'mergerfs', '-f', source, mount);
    refused(mount, 'fuse.mergerfs', 'fuse');
  });

  test('a database in WAL format where its -shm cannot be mapped', { skip: needs('mergerfs') }, () => {
    const [source, mount] = [lab.folder('source'), lab.folder('mergerfs')];
    // Without a page cache the kernel cannot map a file so that others see it.
    lab.fuse(mount, 'mergerfs', '-f', '-o', 'cache.files=off', source, mount);
    new Native(join(source, 'app.db'))
      .exec('PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES (7)')
      .close();
    const file = join(mount, 'app.db');
    // The hazard: no new connection can read it, nor take it out of WAL mode.
    for (const sql of ['SELECT a FROM t', 'PRAGMA journal_mode=DELETE']) {
      const raw = new Native(file);
      assert.throws(() => raw.prepare(sql).get(), { code: 'SQLITE_IOERR_SHMMAP' });
      raw.close();
    }
    const dangerously = { allowNetworkFilesystem: 'this test is the only one that opens it' };
    let statements: readonly string[] = [];
    assert.throws(
      () => new Database(file, { logger: false, dangerously }),
      error => {
        assert.ok(error instanceof SqliteSharedMemoryError);
        assert.ok(error.message.includes(mount) && error.message.includes('WAL format'));
        assert.match(error.hint, /details\.statements/);
        statements = error.details['statements'] as readonly string[];
        return true;
      },
    );
    const wayOut = new Native(file);
    for (const statement of statements) wayOut.prepare(statement).get();
    wayOut.close();
    const db = new Database(file, { logger: false, dangerously });
    assert.equal(db.prepare('SELECT a FROM t').pluck().get(), 7);
    db.close();
  });

  test('gocryptfs', { skip: needs('gocryptfs') }, () => {
    const [source, mount] = [lab.folder('source'), lab.folder('gocryptfs')];
    const password = join(lab.folder('password'), 'file');
    writeFileSync(password, 'secret');
    run('gocryptfs', '-q', '-init', '-scryptn', '10', '-passfile', password, source);
    lab.fuse(mount, 'gocryptfs', '-fg', '-q', '-passfile', password, source, mount);
    refused(mount, 'fuse.gocryptfs', 'fuse');
  });

  test('sshfs', { skip: needs('sshfs') || (sftpServer === undefined ? 'needs sftp-server' : false) }, () => {
    const [source, mount] = [lab.folder('source'), lab.folder('sshfs')];
    // Speaks SFTP over its own pipes instead of a network: what ssh would do after it logged in.
    const transport = join(lab.folder('transport'), 'ssh');
    writeFileSync(transport, `#!/bin/sh\nexec ${sftpServer}\n`);
    chmodSync(transport, 0o755);
    lab.fuse(mount, 'sshfs', '-f', '-o', `ssh_command=${transport}`, `files.example.org:${source}`, mount);
    assert.equal(inspectFilesystem(mount).source, `files.example.org:${source}`);
    refused(mount, 'fuse.sshfs', 'network');
  });

  test(
    'fuse-overlayfs is the layer of a rootless container: WAL, and a warning',
    { skip: needs('fuse-overlayfs') },
    () => {
      const base = lab.folder('layers');
      for (const name of ['lower', 'upper', 'work']) mkdirSync(join(base, name));
      const mount = lab.folder('fuse-overlayfs');
      const layers = `lowerdir=${join(base, 'lower')},upperdir=${join(base, 'upper')},workdir=${join(base, 'work')}`;
      lab.fuse(mount, 'fuse-overlayfs', '-f', '-o', layers, mount);
      const db = new Database(join(mount, 'app.db'), { logger: false });
      db.exec('CREATE TABLE t(a)');
      assert.equal(db.pragma('journal_mode', { simple: true }), 'wal');
      assert.deepEqual([db.plan.filesystem?.type, db.plan.filesystem?.class], ['fuse.fuse-overlayfs', 'union']);
      assert.equal(db.plan.filesystem?.durable, false);
      assert.deepEqual(
        db.plan.warnings.map(warning => warning.code),
        ['container-layer'],
      );
      db.close();
    },
  );

  test('NTFS-3G on a disk is `fuseblk`: a rollback journal', { skip: needs('mkfs.ntfs', 'ntfs-3g', 'losetup') }, () => {
    const image = lab.image(32 * MiB, 'mkfs.ntfs', '-q', '-F', '-f');
    const device = run('losetup', '--find', '--show', image).trim();
    const mount = lab.folder('ntfs');
    try {
      run('ntfs-3g', device, mount);
      const db = new Database(join(mount, 'app.db'), { logger: false });
      db.exec('CREATE TABLE t(a)');
      assert.equal(db.pragma('journal_mode', { simple: true }), 'delete');
      assert.equal(db.plan.filesystem?.type, 'fuseblk');
      db.close();
      assert.throws(
        () => new Database(join(mount, 'app.db'), { logger: false, journalMode: 'wal' }),
        UnsafeFilesystemError,
      );
    } finally {
      if (inspectFilesystem(mount).mountPoint === mount) lab.umount(mount);
      run('losetup', '--detach', device);
    }
  });

  test(
    'NTFS-3G on an image is `fuse`, which could be anything: refused',
    { skip: needs('mkfs.ntfs', 'ntfs-3g') },
    () => {
      const image = lab.image(32 * MiB, 'mkfs.ntfs', '-q', '-F', '-f');
      const mount = lab.folder('ntfs');
      lab.fuse(mount, 'ntfs-3g', '-o', 'no_detach', image, mount);
      refused(mount, 'fuse', 'fuse');
    },
  );

  test(
    'a daemon that does not answer hangs whoever looks at the mount, but not this library',
    { skip: needs('bindfs') },
    async () => {
      const { mount, daemon } = bindfs();
      const file = join(mount, 'app.db');
      daemon.kill('SIGSTOP');
      try {
        const script = 'require("node:fs").statSync(process.argv[1])';
        // 2 s: a stat that is answered takes microseconds.
        const raw = spawnSync(process.execPath, ['-e', script, mount], { timeout: 2000, killSignal: 'SIGKILL' });
        assert.equal(raw.signal, 'SIGKILL');
        const start = performance.now();
        assert.equal(inspectFilesystem(file).verdict, 'refuse');
        assert.deepEqual([locate(file).untouched, locate(file).file], [true, file]);
        assert.throws(() => new Database(file, { logger: false }), UnsafeFilesystemError);
        const link = join(lab.folder('link'), 'app.db');
        run('ln', '-s', file, link);
        assert.throws(() => new Database(link, { logger: false }), UnsafeFilesystemError);
        assert.ok(performance.now() - start < 1000);
      } finally {
        daemon.kill('SIGCONT');
        await delay(10);
      }
    },
  );
});
