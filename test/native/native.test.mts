// Tests what this library uses of better-sqlite3 and its addon, on real connections.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, renameSync, rmSync, statSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { blockCheckpoint } from '../../dist/native/close-without-checkpoint.js';
import { betterSqlite3File, loadedAddon } from '../../dist/native/loaded-modules.js';
import { sqliteVersion } from '../../dist/native/sqlite-version.js';
import { prepareWalFrames } from '../../dist/native/wal-frames.js';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-native-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const require = createRequire(import.meta.url);

function written(name: string): { db: Native.Database; file: string } {
  const file = join(folder, name);
  const db = new Native(file);
  db.pragma('journal_mode = wal');
  db.pragma('wal_autocheckpoint = 0');
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  return { db, file };
}

function identityOf(file: string) {
  const { dev, ino } = statSync(file, { bigint: true });
  return { dev, ino };
}

describe('a close without a checkpoint', () => {
  test('raw: the last connection to close checkpoints and removes the -wal', () => {
    const { db, file } = written('raw.db');
    db.close();
    assert.equal(existsSync(`${file}-wal`), false);
  });

  test('with the blocker the -wal stays as it is, with every frame', () => {
    const { db, file } = written('blocked.db');
    const bytes = statSync(`${file}-wal`).size;
    const databaseBytes = statSync(file).size;
    const blocker = blockCheckpoint(file, identityOf(file), null);
    assert.equal(blocker.holds, true);
    db.close();
    blocker.release();
    assert.equal(statSync(`${file}-wal`).size, bytes);
    assert.equal(statSync(file).size, databaseBytes);
    const again = new Native(file);
    assert.deepEqual(again.prepare('SELECT a FROM t').pluck().all(), [1]);
    again.close();
  });

  const renamed = process.platform === 'win32' && 'Windows renames no file that is open';

  test('another file of that name is not opened', { skip: renamed }, () => {
    const { db, file } = written('moved.db');
    const identity = identityOf(file);
    for (const end of ['', '-wal', '-shm']) renameSync(file + end, `${file}.old${end}`);
    const blocker = blockCheckpoint(file, identity, null);
    db.close();
    blocker.release();
    assert.equal(existsSync(file), false, 'it was not created');
    assert.equal(existsSync(`${file}-wal`), false);
  });

  test('says so where nothing can be opened', () => {
    assert.equal(blockCheckpoint(join(folder, 'missing.db'), null, null).holds, false);
  });
});

test('the frames of the WAL are those that a checkpoint reports, and asking copies none', () => {
  const { db } = written('frames.db');
  const frames = prepareWalFrames(db, 'main');
  assert.ok(frames !== null);
  const before = frames();
  assert.ok(before.frames > 0);
  assert.equal(before.copied, 0);
  db.exec('INSERT INTO t VALUES (2)');
  assert.equal(frames().frames, before.frames + 1);
  const [{ log } = { log: -1 }] = db.pragma('wal_checkpoint(PASSIVE)') as { log: number }[];
  assert.deepEqual(frames(), { frames: log, copied: log });
  db.pragma('journal_mode = delete');
  assert.deepEqual(frames(), { frames: 0, copied: 0 });
  db.close();
});

test('better-sqlite3 and its addon are found by what is loaded', () => {
  assert.equal(betterSqlite3File(), require.resolve('better-sqlite3'));
  const addon = loadedAddon();
  assert.ok(addon !== null && addon.endsWith('.node'), String(addon));
  assert.ok(existsSync(addon));
});

test('the version is the one that SQLite says', () => {
  const db = new Native(':memory:');
  assert.equal(sqliteVersion(null), db.prepare('SELECT sqlite_version()').pluck().get());
  db.close();
});

test('installed under the name of better-sqlite3, the package says so, by require and by import', () => {
  const modules = join(folder, 'aliased', 'node_modules');
  const alias = join(modules, 'better-sqlite3');
  const root = join(import.meta.dirname, '../..');
  cpSync(join(root, 'dist'), join(alias, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(alias, 'package.json'));
  // Its other dependencies; what is below `modules` comes first.
  const options = {
    cwd: modules,
    encoding: 'utf8',
    env: { ...process.env, NODE_PATH: join(root, 'node_modules') },
  } as const;
  for (const program of ["require('better-sqlite3')", "import('better-sqlite3')"]) {
    const { status, stderr } = spawnSync(process.execPath, ['-e', program], options);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /safe-sqlite itself under that name.*npm install safe-sqlite better-sqlite3@13.*safe-sqlite\/register/,
    );
  }
});
