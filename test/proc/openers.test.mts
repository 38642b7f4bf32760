/** Tests that descriptors of SQLite are distinguished from those of `fs`, also if Node runs under an emulator: `npm run test:arm64`. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Native from 'better-sqlite3';
import { databaseDescriptors } from '../../dist/proc/foreign-descriptors.js';
import { identityOf } from '../support/identity.mts';

test('SQLite opened its own, fs the other', { skip: process.platform !== 'linux' && 'needs /proc' }, t => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-openers-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'a.db');
  const db = new Native(file);
  db.exec('CREATE TABLE t (a)');
  const seen = () =>
    databaseDescriptors({ file, identity: identityOf(file) })
      .map(({ opener }) => opener)
      .toSorted();
  const own = seen();
  assert.ok(own.length > 0);
  assert.deepEqual(
    own,
    own.map(() => 'sqlite'),
  );
  const plain = openSync(file, 'r');
  assert.deepEqual(seen(), ['plain', ...own]);
  db.close();
  closeSync(plain);
});
