/** Replaces the file of an open database: the hint names a rescued copy if there is one, and only then. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { acceptedGround } from '../support/accepted-ground.mts';
import { Database, FileReplacedError, type SafeSqliteError } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'replaced-hint-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function openAndReplace(name: string, sentinel: 'off' | undefined): Database {
  const file = join(folder, name);
  const other = join(folder, `other-${name}`);
  const make = new Database(other, { logger: false, dangerously: acceptedGround });
  make.exec('CREATE TABLE u (a)');
  make.close();
  const db = new Database(file, {
    logger: false,
    dangerously: acceptedGround,
    ...(sentinel === undefined ? {} : { sentinel }),
  });
  db.exec('CREATE TABLE t (a)');
  const moved = join(folder, `moved-${name}`);
  copyFileSync(other, moved);
  // Another program does it: the process guard refuses such a call of this one.
  execFileSync('mv', [moved, file]);
  return db;
}

async function refusalOf(run: () => unknown): Promise<SafeSqliteError> {
  try {
    await run();
  } catch (error) {
    const { cause } = error as Error;
    assert.ok(error instanceof FileReplacedError || cause instanceof FileReplacedError, String(error));
    return error as SafeSqliteError;
  }
  return assert.fail('nothing was refused');
}

const windows = process.platform === 'win32' ? 'Windows does not replace an open file' : false;

test(
  'without the sentinel nothing is rescued: backup and reader do not speak of a copy',
  { skip: windows },
  async () => {
    const db = openAndReplace('off.db', 'off');
    for (const run of [() => db.backup(join(folder, 'copy.db')), () => db.reader.all('SELECT 1')]) {
      const error = await refusalOf(run);
      assert.doesNotMatch(error.hint, /rescued|Compare/);
      assert.match(error.hint, /restart the process/);
    }
    db.close();
  },
);

test('with the sentinel the hint names the rescued copy, and it is there', { skip: windows }, async () => {
  const db = openAndReplace('on.db', undefined);
  const error = await refusalOf(() => db.exec('INSERT INTO t VALUES (1)'));
  const rescued = String(error.details['rescued']);
  assert.ok(existsSync(rescued), rescued);
  assert.ok(error.hint.includes(`Compare the rescued copy (${rescued}) with the current file.`), error.hint);
  db.close();
});

test(
  'where no file is left, the hint restores the rescued copy before a restart makes an empty one',
  { skip: windows },
  async () => {
    const file = join(folder, 'gone.db');
    const db = new Database(file, { logger: false, dangerously: acceptedGround });
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    execFileSync('sh', ['-c', 'rm "$1" "$1-wal" "$1-shm"', 'sh', file]);
    const error = await refusalOf(() => db.exec('INSERT INTO t VALUES (2)'));
    db.close();
    const command = /`npx safe-sqlite (restore \S+ \S+)`/.exec(error.hint)?.[1]?.split(' ') ?? [];
    execFileSync(process.execPath, [join(import.meta.dirname, '../../dist/cli/bin.js'), ...command]);
    const restored = new Database(file, { logger: false, dangerously: acceptedGround });
    assert.equal(restored.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    restored.close();
  },
);
