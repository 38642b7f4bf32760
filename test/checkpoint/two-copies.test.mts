/** Two installed copies of this package with one better-sqlite3: they share the checkpoints of a file. */
import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type * as SafeSqlite from 'safe-sqlite';
import { until } from '../support/until.mts';

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '../..');
const skip = process.platform === 'linux' ? false : 'needs the /proc of Linux';

function installCopy(folder: string): typeof SafeSqlite {
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  for (const part of ['dist', 'package.json']) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(realpathSync(join(root, 'node_modules')), join(copy, 'node_modules'));
  return require(join(copy, 'dist/index.js')) as typeof SafeSqlite;
}

function descriptorsOn(file: string): number {
  const target = (fd: string): string | null => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return null;
    }
  };
  return readdirSync('/proc/self/fd').filter(fd => target(fd) === file).length;
}

test('close() waits for a checkpoint that runs in the thread of the other copy', { skip }, async t => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-')));
  t.after(() => rmSync(folder, { recursive: true }));
  const first = require(join(root, 'dist/index.js')) as typeof SafeSqlite;
  const second = installCopy(folder);
  const file = join(folder, 'app.db');
  const options = { logger: false, checkpoint: 'off' } as const;
  const theirs = new first.Database(file, options);
  const ours = new second.Database(file, options);
  ours.exec('CREATE TABLE t(a)');
  // Their thread is there from now on.
  await ours.checkpoint();
  const insert = ours.prepare('INSERT INTO t VALUES (zeroblob(1000000))');
  ours.transaction(() => {
    for (let row = 0; row < 300; row += 1) insert.run();
  })();
  theirs.close();
  const running = ours.checkpoint();
  // The database grows when it runs.
  await until(() => statSync(file).size >= 10_000_000, 'it has grown', { everyMs: 0 });
  ours.close();
  assert.equal(descriptorsOn(file), 0);
  await running.catch(() => {});
});
