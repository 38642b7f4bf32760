/** A service that owns the folder exchanges the names that root works with. */
import assert from 'node:assert/strict';
import { closeSync, lstatSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { UntrustedFileError } from 'safe-sqlite';
import { foreignLinks, foreignWriters } from '../../dist/filesystem/foreign-control.js';
import { checkHeld, PrivateFolder } from '../../dist/filesystem/private-folder.js';
import { service, shellAs, sharedFolder, stranger, usersSkip } from './users.mts';

describe('a private folder', { skip: usersSkip() }, () => {
  const { path: root, remove } = sharedFolder();
  after(remove);
  const owned = join(root, 'service');
  mkdirSync(owned);
  chownSync(owned, service, service);
  const elsewhere = join(root, 'elsewhere');
  mkdirSync(elsewhere, { mode: 0o700 });
  const exchange = (path: string) => `mv ${path} ${path}.away && ln -s ${elsewhere} ${path}`;

  test('the attack: a folder of root that is exchanged leads its writes elsewhere', () => {
    const path = join(owned, 'plain');
    mkdirSync(path, { mode: 0o700 });
    shellAs(service, exchange(path));
    writeFileSync(join(path, 'copy.db'), 'secret');
    assert.equal(readFileSync(join(elsewhere, 'copy.db'), 'utf8'), 'secret');
  });

  test('is for this user alone, and so is what is made in it', async () => {
    const folder = new PrivateFolder(join(owned, 'fresh'));
    const { path, handle } = await folder.create('copy.db');
    assert.equal(statSync(folder.path).mode & 0o777, 0o700);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.throws(() => shellAs(service, `cat ${path}`), /Permission denied/);
    assert.throws(() => shellAs(service, `ln -s /etc/passwd ${folder.path}/planted`), /Permission denied/);
    folder.check();
    checkHeld(handle.fd, path);
    await assert.rejects(folder.create('copy.db'), { code: 'EEXIST' });
    await handle.close();
    await folder.remove();
    assert.equal(lstatSync(folder.path, { throwIfNoEntry: false }), undefined);
  });

  for (const [how, line] of [
    ['a link', exchange],
    ['a folder of the service', (path: string) => `mv ${path} ${path}.away && mkdir ${path} && touch ${path}/copy.db`],
    ['nothing', (path: string) => `mv ${path} ${path}.away`],
  ] as const) {
    test(`notices that ${how} took its name, and removes nothing there`, async () => {
      const folder = new PrivateFolder(join(owned, `swapped-${how.replaceAll(' ', '-')}`));
      const { path, handle } = await folder.create('copy.db');
      shellAs(service, line(folder.path));
      assert.throws(() => folder.check(), UntrustedFileError);
      assert.throws(() => checkHeld(handle.fd, path), UntrustedFileError);
      await assert.rejects(folder.create('other.db'), UntrustedFileError);
      await handle.close();
      await folder.remove();
      if (how !== 'nothing') assert.ok(lstatSync(folder.path));
    });
  }

  test('is not made where the name is taken, by a link too', () => {
    const path = join(owned, 'taken');
    shellAs(service, `ln -s ${elsewhere} ${path}`);
    assert.throws(() => new PrivateFolder(path), { code: 'EEXIST' });
  });

  test('checkHeld notices a file that is exchanged where it was published', () => {
    const path = join(owned, 'published.db');
    const descriptor = openSync(path, 'wx');
    checkHeld(descriptor, path);
    shellAs(service, `mv ${path} ${path}.away && ln -s /etc/passwd ${path}`);
    assert.throws(() => checkHeld(descriptor, path), /it is a symbolic link now/);
    closeSync(descriptor);
  });

  test('links and folders of others are named, and those of this user and of root are not', () => {
    const path = join(owned, 'way');
    shellAs(service, `ln -s ${elsewhere} ${path}`);
    assert.deepEqual(
      foreignLinks(join(path, 'x.db')).map(link => [link.path, link.uid]),
      [[path, service]],
    );
    assert.deepEqual(
      foreignWriters(owned).map(folder => [folder.path, folder.uid]),
      [[owned, service]],
    );
    assert.deepEqual(foreignLinks(join(elsewhere, 'x.db')), []);
    // Everybody may write in /tmp, but the sticky bit lets nobody rename what is somebody else's.
    assert.deepEqual(foreignWriters(elsewhere), []);
    const open = join(root, 'open');
    mkdirSync(open);
    shellAs(0, `chmod 777 ${open}`);
    assert.deepEqual(
      foreignWriters(open).map(({ permissions }) => permissions),
      [0o777],
    );
    assert.throws(() => shellAs(stranger, `touch ${owned}/x`), /Permission denied/);
  });
});
