/** Tests mounts that hide each other, or show one folder twice: the path alone would name the wrong filesystem. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, rmdirSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { Database, UnsafeFilesystemError } from 'safe-sqlite';
import { describePath } from '../../dist/filesystem/linux/descriptor.js';
import { inspectFilesystem } from '../../dist/filesystem/inspect.js';
import { readMountTable } from '../../dist/filesystem/linux/linux-tables.js';
import { mountOf } from '../../dist/filesystem/linux/mount-table.js';
import type { FilesystemReport } from '../../dist/filesystem/report.js';
import { makeLab, run, whyNoMounts } from './lab.mts';

const MiB = 1024 * 1024;
const magicOf = (path: string) => `0x${statfsSync(path).type.toString(16)}`;

describe('mount trees', { skip: whyNoMounts('mkfs.ext4') }, () => {
  const lab = makeLab();
  const ext4 = () => lab.mount('-o', 'loop', lab.image(32 * MiB, 'mkfs.ext4', '-q', '-F'));

  test('a folder shown again by a bind mount is the same filesystem', () => {
    const mount = ext4();
    mkdirSync(join(mount, 'data'));
    const bind = lab.mount('--bind', join(mount, 'data'));
    const report = inspectFilesystem(join(bind, 'app.db'));
    assert.deepEqual([report.type, report.root, report.mountPoint, report.verdict], ['ext4', '/data', bind, 'wal']);
    const one = new Database(join(mount, 'data/app.db'), { logger: false });
    one.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    const other = new Database(join(bind, 'app.db'), { logger: false });
    assert.equal(other.prepare('SELECT a FROM t').pluck().get(), 1);
    other.close();
    one.close();
  });

  test('a bind mount of the file alone: raw SQLite loses sight of commits, this library refuses', () => {
    const real = lab.folder('real');
    const shown = lab.folder('shown');
    new Native(join(real, 'app.db')).exec('PRAGMA journal_mode=WAL; CREATE TABLE t(a)').close();
    writeFileSync(join(shown, 'app.db'), '');
    lab.mountAt(join(shown, 'app.db'), '--bind', join(real, 'app.db'));
    // The hazard: the -wal of the one is in another folder than the -wal of the other.
    const writer = new Native(join(real, 'app.db'));
    writer.exec('INSERT INTO t VALUES (1)');
    const script =
      'console.log(new (require("better-sqlite3"))(process.argv[1]).prepare("SELECT count(*) FROM t").pluck().get())';
    const seen = spawnSync(process.execPath, ['-e', script, join(shown, 'app.db')], { encoding: 'utf8' });
    assert.equal(seen.stdout.trim(), '0', seen.stderr);
    writer.close();
    for (const readonly of [false, true]) {
      assert.throws(
        () => new Database(join(shown, 'app.db'), { logger: false, readonly }),
        (error: Error) => error instanceof UnsafeFilesystemError && error.message.includes('mount point'),
      );
    }
    const { evidence } = inspectFilesystem(join(shown, 'app.db'));
    assert.notEqual(evidence.mountId, evidence.folderMountId);
  });

  test('two mounts on one place: the upper one counts, and both are shown', () => {
    const mount = ext4();
    lab.mountAt(mount, '-t', 'tmpfs', 'upper');
    const report = inspectFilesystem(join(mount, 'app.db'));
    assert.equal(report.type, 'tmpfs');
    assert.equal(report.evidence.mountRows.length, 2);
    assert.match(report.evidence.mountRows[1] ?? '', / ext4 /);
  });

  test('a mount hidden below another: the longest path would name the hidden one', () => {
    const top = lab.folder('hiding');
    mkdirSync(join(top, 'sub'));
    lab.mountAt(join(top, 'sub'), '-t', 'ramfs', 'hidden');
    lab.mountAt(top, '-t', 'tmpfs', 'hiding');
    mkdirSync(join(top, 'sub'));
    const report = inspectFilesystem(join(top, 'sub/app.db'));
    assert.deepEqual([report.type, report.source], ['tmpfs', 'hiding']);
    assert.equal(report.evidence.statfsType, magicOf(join(top, 'sub')));
  });

  test('names with characters that the mount table escapes', () => {
    for (const name of ['with space', 'tab\there', 'line\nbreak', 'back\\slash', 'back\\040slash', 'hash#äß日本']) {
      const place = join(lab.folder('names'), name);
      mkdirSync(place);
      lab.mountAt(place, '-t', 'tmpfs', name);
      const report = inspectFilesystem(join(place, 'app.db'));
      assert.deepEqual([report.mountPoint, report.source, report.type], [place, name, 'tmpfs']);
    }
  });

  test('a symbolic link leads to the filesystem of its target', () => {
    const memory = lab.mount('-t', 'tmpfs', 'memory');
    const folder = lab.folder('links');
    symlinkSync(join(memory, 'target.db'), join(folder, 'app.db'));
    symlinkSync(memory, join(folder, 'away'));
    assert.equal(inspectFilesystem(join(folder, 'app.db')).target, join(memory, 'target.db'));
    assert.equal(inspectFilesystem(join(folder, 'app.db')).type, 'tmpfs');
    assert.equal(inspectFilesystem(join(folder, 'away/app.db')).type, 'tmpfs');
    assert.notEqual(inspectFilesystem(`${folder}/away/../app2.db`).target, join(folder, 'app2.db'));
  });

  test('a file that does not exist yet, in folders that do not, is judged by the nearest one that does', () => {
    const memory = lab.mount('-t', 'tmpfs', 'memory');
    assert.equal(inspectFilesystem(join(memory, 'a/b/c/app.db')).type, 'tmpfs');
  });

  test('the folder behind a bind mount was deleted', () => {
    const source = lab.folder('source');
    const bind = lab.mount('--bind', source);
    rmdirSync(source);
    const report = inspectFilesystem(join(bind, 'app.db'));
    assert.deepEqual([report.verdict, report.evidence.rule], ['refuse', 'deleted']);
    assert.throws(() => new Database(join(bind, 'app.db'), { logger: false }), UnsafeFilesystemError);
  });

  test('in any tree of mounts the table alone names the mount that the kernel is on', () => {
    const names = ['a', 'b'];
    const below = (root: string, depth: number): string[] =>
      depth === 0 ? [] : names.flatMap(name => [join(root, name), ...below(join(root, name), depth - 1)]);
    const plant = (root: string) => {
      for (const path of below(root, 3)) mkdirSync(path, { recursive: true });
    };
    const root = lab.mount('-t', 'tmpfs', 'root');
    plant(root);
    const places = [root, ...below(root, 3)];
    const step = fc.record({
      at: fc.constantFrom(...places.slice(1)),
      from: fc.option(fc.constantFrom(...places), { freq: 2, nil: null }),
    });
    let different = 0;
    for (const { at, from } of fc.sample(step, { seed: 20261121, numRuns: 60 })) {
      if (from === null) {
        lab.mountAt(at, '-t', 'tmpfs', 'leaf');
        plant(at);
      } else {
        // The source first shows its own folders: a place without them would end the walk.
        plant(from);
        lab.mountAt(at, '--bind', from);
        plant(at);
      }
      const table = readMountTable();
      const byLongestPath = (path: string) =>
        table.rows
          .filter(row => path === row.mountPoint || path.startsWith(`${row.mountPoint}/`))
          .toSorted((left, right) => left.mountPoint.length - right.mountPoint.length)
          .at(-1);
      for (const path of places.filter(path => existsSync(path))) {
        const seen = describePath(path)?.mountId;
        assert.equal(mountOf(table, path)?.id, seen, path);
        if (byLongestPath(path)?.id !== seen) different += 1;
      }
    }
    assert.ok(different > 0, 'the trees hide some mounts, so that the longest path would have been wrong');
  });

  describe('in a chroot, whose own mount the table does not list', () => {
    const node = realpathSync(process.execPath);
    const dist = new URL('../../dist', import.meta.url).pathname;

    /** What `inspectFilesystem('/data/app.db')` says in a chroot at `root`. */
    function reportInside(root: string): FilesystemReport {
      const folders = ['usr', 'lib', 'lib64', 'proc', 'sys', 'node', 'dist', 'node_modules', 'data'];
      for (const name of folders) mkdirSync(join(root, name));
      for (const name of ['usr', 'lib', 'lib64']) lab.mountAt(join(root, name), '--bind', realpathSync(`/${name}`));
      lab.mountAt(join(root, 'node'), '--bind', dirname(node));
      lab.mountAt(join(root, 'dist'), '--bind', dist);
      lab.mountAt(join(root, 'node_modules'), '--bind', join(dist, '../node_modules'));
      lab.mountAt(join(root, 'proc'), '-t', 'proc', 'proc');
      lab.mountAt(join(root, 'sys'), '-t', 'sysfs', 'sysfs');
      const script =
        'console.log(JSON.stringify(require("/dist/filesystem/inspect.js").inspectFilesystem("/data/app.db")))';
      return JSON.parse(
        run('chroot', root, `/node/${node.slice(dirname(node).length + 1)}`, '-e', script),
      ) as FilesystemReport;
    }

    test('a disk: unknown, and only what magic number and block device prove together', () => {
      const root = join(ext4(), 'root');
      mkdirSync(root);
      const report = reportInside(root);
      assert.deepEqual([report.type, report.class, report.mountPoint], ['unknown', 'unknown', null]);
      assert.equal(report.evidence.rule, 'statfs-and-block-device');
      assert.deepEqual(
        report.warnings.map(warning => warning.code),
        ['mount-not-visible'],
      );
    });

    test('no block device: nothing is certain, refused', () => {
      const root = join(lab.mount('-t', 'tmpfs', 'memory'), 'root');
      mkdirSync(root);
      const report = reportInside(root);
      assert.deepEqual(
        [report.class, report.verdict, report.evidence.rule],
        ['unknown', 'refuse', 'mount-not-visible'],
      );
    });

    test('another mount of the same device is the same filesystem', () => {
      const mount = ext4();
      const root = join(mount, 'root');
      mkdirSync(root);
      mkdirSync(join(mount, 'other'));
      mkdirSync(join(root, 'known'));
      lab.mountAt(join(root, 'known'), '--bind', join(mount, 'other'));
      const report = reportInside(root);
      assert.deepEqual([report.type, report.verdict, report.evidence.foundBy], ['ext4', 'wal', 'same-device']);
    });
  });
});
