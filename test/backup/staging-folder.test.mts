// Hidden folders and locks: what a dead process left is removed, and never what a living one, or another user, has.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { lockFile } from '../../dist/backup/file-lock.js';
import { StagingFolder, sweepStaging } from '../../dist/backup/staging-folder.js';
import { FolderHandle } from '../../dist/filesystem/folder-handle.js';
import { folder, names, Native } from './fixture.mts';

const day = 86_400_000;
const posix = process.platform === 'win32' ? 'Windows has neither such locks nor users' : false;
const asRoot = process.getuid?.() === 0 ? false : 'needs root';
const foreign = '.safe-sqlite-ffffffff-7-1-abc.tmp';

/** Puts a folder with a file under the name that another machine, or container, would give it. */
function left(home: string, name = foreign, mode = 0o700): string {
  const path = join(home, name);
  mkdirSync(path, { mode });
  writeFileSync(join(path, 'copy.tmp'), 'half a copy');
  return path;
}

describe('a sweep', { skip: posix }, () => {
  test('leaves what a living process of this machine builds, and its lock', async t => {
    const home = folder(t);
    const staging = StagingFolder.create(home, { locks: true });
    const { handle } = await staging.createFile('copy.tmp');
    assert.deepEqual(await sweepStaging(home, Date.now() + 9 * day, true), []);
    assert.ok(existsSync(staging.path('copy.tmp')));
    await handle.close();
    await staging.remove();
    assert.deepEqual(names(home), []);
  });

  test('asks the lock of what another container builds: held it stays, ended it goes at once', async t => {
    const home = folder(t);
    const path = left(home);
    const inside = FolderHandle.open(path);
    const lock = lockFile(inside, 'lock');
    assert.ok(typeof lock === 'object');
    assert.deepEqual(await sweepStaging(home, Date.now(), true), []);
    assert.ok(existsSync(join(path, 'copy.tmp')));
    // As a kill leaves it: the file is there, and no process holds it.
    lock.release();
    writeFileSync(join(path, 'lock'), '');
    assert.deepEqual(await sweepStaging(home, Date.now(), true), [path]);
    inside.close();
    assert.deepEqual(names(home), []);
  });

  test('where locks prove nothing, waits a day', async t => {
    const home = folder(t);
    const path = left(home);
    writeFileSync(join(path, 'lock'), '');
    assert.deepEqual(await sweepStaging(home, Date.now() + day - 60_000, false), []);
    assert.deepEqual(await sweepStaging(home, Date.now() + day + 60_000, false), [path]);
  });

  test('what has no lock yet, and a file that is written at once, wait ten minutes', async t => {
    const home = folder(t);
    const unlocked = left(home, `${foreign}.new`);
    const manifest = join(home, '.safe-sqlite-ffffffff-7-1-def.tmp');
    writeFileSync(manifest, '{');
    assert.deepEqual(await sweepStaging(home, Date.now() + 9 * 60_000, true), []);
    assert.deepEqual(
      (await sweepStaging(home, Date.now() + 11 * 60_000, true)).toSorted(),
      [unlocked, manifest].toSorted(),
    );
  });

  test(
    'touches nothing of another user, nothing that others may enter, and follows no link',
    { skip: asRoot },
    async t => {
      const home = folder(t);
      const theirs = left(home);
      chownSync(theirs, 65_534, 65_534);
      const open = left(home, '.safe-sqlite-ffffffff-7-1-bcd.tmp');
      chmodSync(open, 0o755);
      const target = join(home, 'target');
      mkdirSync(target);
      writeFileSync(join(target, 'file'), 'of somebody');
      symlinkSync(target, join(home, '.safe-sqlite-ffffffff-7-1-cde.tmp'));
      const manifest = join(home, '.safe-sqlite-ffffffff-7-1-def.tmp');
      writeFileSync(manifest, '{');
      chownSync(manifest, 65_534, 65_534);
      await sweepStaging(home, Date.now() + 9 * day, true);
      assert.ok(existsSync(manifest));
      assert.ok(existsSync(join(theirs, 'copy.tmp')));
      assert.ok(existsSync(join(open, 'copy.tmp')));
      assert.equal(readFileSync(join(target, 'file'), 'utf8'), 'of somebody');
    },
  );

  test('leaves every other name', async t => {
    const home = folder(t);
    for (const name of ['.safe-sqlite-x.tmp', 'safe-sqlite-ffffffff-7-1-abc.tmp', `${foreign}~`, 'app.db']) {
      writeFileSync(join(home, name), '');
      utimesSync(join(home, name), 0, 0);
    }
    assert.deepEqual(await sweepStaging(home, Date.now(), true), []);
    assert.equal(names(home).length, 4);
  });
});

const replaced = process.platform === 'win32' ? 'Windows replaces no file that is open' : false;

test('a file that another one took the place of is noticed before it is used', { skip: replaced }, async t => {
  const home = folder(t);
  const staging = StagingFolder.create(home, { locks: true });
  const file = await staging.createFile('copy.tmp');
  staging.check(file);
  writeFileSync(join(home, 'other'), 'of somebody');
  renameSync(join(home, 'other'), staging.path('copy.tmp'));
  assert.throws(() => staging.check(file), /is not the file that was created there/);
  await file.handle.close();
  await staging.remove();
});

test('a lock file with content, or in the place of one, is not used and stays', { skip: posix }, t => {
  const home = folder(t);
  const at = FolderHandle.open(home);
  writeFileSync(join(home, 'lock'), 'of somebody');
  assert.equal(lockFile(at, 'lock'), 'unusable');
  assert.equal(readFileSync(join(home, 'lock'), 'utf8'), 'of somebody');
  rmSync(join(home, 'lock'));
  // A database could be locked, and would be removed with the lock.
  new Native(join(home, 'lock')).exec('CREATE TABLE t (a)').close();
  assert.equal(lockFile(at, 'lock'), 'unusable');
  assert.deepEqual(names(home), ['lock']);
  rmSync(join(home, 'lock'));
  mkdirSync(join(home, 'lock'));
  assert.equal(lockFile(at, 'lock'), 'unusable');
  at.close();
});
