/** The mount table of macOS, from outputs of `/sbin/mount` that people published. */
import { test, describe } from 'node:test';
import assert from 'node:assert/strict';
import { classifyDarwinMount, darwinMountOf, parseDarwinMounts } from '../../../dist/filesystem/darwin/mounts.js';

const mounts = parseDarwinMounts(`\
/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s6 on /System/Volumes/VM (apfs, local, noexec, journaled, noatime, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)
/dev/disk5s1 on /Volumes/crucial x6 (apfs, local, nodev, nosuid, journaled, noowners)
map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)
//ada@nas._smb._tcp.local/Team%20Share on /Volumes/Team Share (smbfs, nodev, nosuid, mounted by ada)
nas.local:/volume1/backup on /Volumes/backup (nfs, asynchronous)
https://dav.example.com/files on /Volumes/files (webdav, nodev, noexec, nosuid, mounted by ada)
/dev/disk4s1 on /Volumes/USB Stick (msdos, local, nodev, nosuid, noowners)
/dev/disk6s1 on /Volumes/a on b (c) (apfs, local, journaled)
ada@host:/srv on /Volumes/ssh (macfuse, nodev, nosuid, synchronous, mounted by ada)
/dev/disk7s1 on /Volumes/Remote APFS (apfs, nodev)
`);

const noDesktop = (): boolean => false;

describe('parseDarwinMounts', () => {
  test('mount points with spaces, parentheses and ` on `', () => {
    assert.equal(mounts.length, 13);
    assert.deepEqual(mounts.map(mount => mount.mountPoint).slice(4, 7), [
      '/Volumes/crucial x6',
      '/System/Volumes/Data/home',
      '/Volumes/Team Share',
    ]);
    assert.equal(mounts[10]?.mountPoint, '/Volumes/a on b (c)');
    assert.deepEqual(mounts[3]?.options, ['local', 'journaled', 'nobrowse', 'protect', 'root data']);
  });
  test('other lines are left out', () => assert.deepEqual(parseDarwinMounts('\nnonsense\nx on y\n'), []));
});

describe('what is decided', () => {
  const rows = [
    ['/Users/ada/app.db', true, 'apfs', 'wal'],
    ['/System/Library/app.db', false, 'apfs', 'read-only'],
    ['/System/Volumes/Data/Users/ada/app.db', false, 'apfs', 'wal'],
    ['/Volumes/crucial x6/app.db', false, 'apfs', 'wal'],
    ['/Volumes/a on b (c)/app.db', false, 'apfs', 'wal'],
    ['/Volumes/Team Share/app.db', false, 'smbfs', 'refuse'],
    ['/Volumes/backup/app.db', false, 'nfs', 'refuse'],
    ['/Volumes/files/app.db', false, 'webdav', 'refuse'],
    ['/Volumes/ssh/app.db', false, 'macfuse', 'refuse'],
    ['/Volumes/USB Stick/app.db', false, 'msdos', 'rollback'],
    ['/Volumes/Remote APFS/app.db', false, 'apfs', 'refuse'],
    ['/System/Volumes/Data/home/app.db', false, 'autofs', 'refuse'],
    ['/dev/app.db', false, 'devfs', 'refuse'],
    // Another spelling, which the case-insensitive boot volume takes for the same folder.
    ['/volumes/team share/app.db', false, 'smbfs', 'refuse'],
    ['/VOLUMES/BACKUP/app.db', false, 'nfs', 'refuse'],
    ['/Volumes/backups/app.db', true, 'apfs', 'wal'],
  ] as const;
  for (const [path, onDataVolume, type, verdict] of rows) {
    test(`${path}: ${type}, ${verdict}`, () => {
      const mount = darwinMountOf(mounts, path, onDataVolume);
      assert.equal(mount?.type, type);
      assert.equal(classifyDarwinMount(mount, path, noDesktop).verdict, verdict);
    });
  }
  test('without a table nothing is known', () => {
    assert.equal(classifyDarwinMount(darwinMountOf([], '/x', false), '/x', noDesktop).verdict, 'refuse');
  });
  test('a folder that iCloud keeps in step is warned of', () => {
    const path = '/Users/ada/Library/Mobile Documents/app.db';
    const { warnings } = classifyDarwinMount(darwinMountOf(mounts, path, true), path, noDesktop);
    assert.deepEqual(
      warnings.map(warning => warning.code),
      ['synchronised-folder'],
    );
  });
});

describe('cloud folders', () => {
  const mount = darwinMountOf(mounts, '/Users/ada/x', true);
  const warned = (path: string, isDesktopSynced = false) =>
    classifyDarwinMount(mount, path, () => isDesktopSynced).warnings.some(({ code }) => code === 'synchronised-folder');

  for (const folder of [
    'Library/Mobile Documents/com~apple~CloudDocs',
    'Library/CloudStorage/OneDrive-Example',
    'Dropbox',
    'Dropbox (Personal)',
    'Google Drive',
    'OneDrive - Example',
    'Nextcloud',
  ]) {
    test(`${folder} is warned of, also below the data volume; a folder that is only called like it is not`, () => {
      assert.equal(warned(`/Users/ada/${folder}/app.db`), true);
      assert.equal(warned(`/System/Volumes/Data/Users/ada/${folder}/app.db`), true);
      assert.equal(warned(`/Users/ada/my${folder}/app.db`), false);
      assert.equal(warned(`/srv/${folder}/app.db`), false);
    });
  }

  test('Desktop and Documents are warned of where iCloud Drive keeps them, and only there', () => {
    for (const folder of ['Desktop', 'Documents']) {
      assert.equal(warned(`/Users/ada/${folder}/app.db`, true), true);
      assert.equal(warned(`/Users/ada/${folder}/app.db`), false);
    }
    assert.equal(warned('/Users/ada/Projects/app.db', true), false);
  });
});
