/** The folders in which another user can exchange the names of root, and those in which none can. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { foreignWriters } from '../../dist/filesystem/foreign-control.js';
import { service, shellAs, sharedFolder, usersSkip } from './users.mts';

describe('folders that others control', { skip: usersSkip() }, () => {
  const { path: root, remove } = sharedFolder();
  after(remove);

  test('the hazard: a folder of root in one of a service is exchanged, and root writes elsewhere', () => {
    const owned = join(root, 'service');
    mkdirSync(owned);
    chownSync(owned, service, service);
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    const path = join(owned, 'of-root');
    mkdirSync(path, { mode: 0o700 });
    shellAs(service, `mv ${path} ${path}.away && ln -s ${elsewhere} ${path}`);
    writeFileSync(join(path, 'copy.db'), 'secret');
    assert.equal(readFileSync(join(elsewhere, 'copy.db'), 'utf8'), 'secret');
    assert.deepEqual(
      foreignWriters(owned).map(folder => [folder.path, folder.uid]),
      [[owned, service]],
    );
  });

  test('a folder of root counts by its mode, and the sticky bit keeps others from renames', () => {
    for (const [mode, counts] of [
      [0o700, false],
      [0o755, false],
      [0o775, true],
      [0o777, true],
      [0o1777, false],
    ] as const) {
      const folder = join(root, mode.toString(8));
      mkdirSync(folder);
      chmodSync(folder, mode);
      assert.deepEqual(
        foreignWriters(join(folder, 'below')).map(({ permissions }) => permissions),
        counts ? [mode] : [],
      );
    }
    const group = join(root, '775');
    assert.deepEqual(foreignWriters(group, 'trusted'), []);
  });
});
