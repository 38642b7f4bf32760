/** The connection of a job, opened directly: its protections, and what it refuses to open. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import { FileReplacedError, MaintenanceError, UntrustedFileError } from '../../dist/errors/refusals.js';
import { openForJob, verifyPragma } from '../../dist/maintenance/job-connection.js';

const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const settings = { access: 'read-write', busyTimeoutMs: 0, synchronous: 'full' } as const;

function database(t: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-job-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'a.db');
  const db = new Native(file);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t(a)');
  db.close();
  return file;
}

function identityOf(file: string): { readonly dev: bigint; readonly ino: bigint } {
  const { dev, ino } = statSync(file, { bigint: true });
  return { dev, ino };
}

function descriptors(file: string): number {
  const links = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The descriptor of the folder that was read.
      return '';
    }
  });
  return links.filter(link => link === file).length;
}

test('has protections that a raw connection lacks', t => {
  const file = database(t);
  const pragmas = ['wal_autocheckpoint', 'synchronous', 'trusted_schema', 'cell_size_check'];
  const valuesOf = (db: Native.Database): unknown[] => {
    try {
      return pragmas.map(pragma => db.pragma(pragma, { simple: true }));
    } finally {
      db.close();
    }
  };
  assert.deepEqual(valuesOf(new Native(file)), [1000, 1, 1, 0]);
  assert.deepEqual(valuesOf(openForJob({ file, identity: null }, settings)), [0, 2, 0, 1]);
  const copying = openForJob({ file, identity: null }, { ...settings, synchronous: 'off' });
  assert.deepEqual(valuesOf(copying), [0, 0, 0, 1]);
});

test('a protection that SQLite does not take is an error', t => {
  const db = new Native(database(t));
  assert.equal(db.pragma('page_size', { simple: true }), 4096);
  assert.throws(() => verifyPragma(db, 'page_size', 8192), MaintenanceError);
  verifyPragma(db, 'page_size', 4096);
  db.close();
});

test('another file of the name, or none, is refused, and nothing stays open', { skip: linux }, t => {
  const file = database(t);
  const identity = identityOf(file);
  renameSync(file, `${file}-old`);
  assert.throws(() => openForJob({ file, identity }, settings), FileReplacedError);
  renameSync(database(t), file);
  assert.throws(() => openForJob({ file, identity }, settings), FileReplacedError);
  assert.equal(descriptors(file), 0);
  openForJob({ file, identity: identityOf(file) }, settings).close();
});

test('a database that SQLite cannot read is closed again', { skip: linux }, t => {
  const file = database(t);
  const db = new Native(file);
  db.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  const before = descriptors(file);
  assert.throws(() => openForJob({ file, identity: null }, settings), { code: 'SQLITE_BUSY' });
  db.close();
  assert.deepEqual([before, descriptors(file)], [1, 0]);
});

for (const suffix of ['-wal', '-shm', '-journal']) {
  test(`a folder with the name of a ${suffix} is not handed to SQLite`, t => {
    const file = database(t);
    mkdirSync(`${file}${suffix}`);
    assert.throws(() => openForJob({ file, identity: identityOf(file) }, settings), UntrustedFileError);
  });
}
