/** Closes raw connections beside a checkpoint blocker: what becomes of the WAL. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import { blockCheckpoint } from '../../dist/native/close-without-checkpoint.js';

const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

/** A connection with a commit in its WAL. */
function writer(t: TestContext): { readonly db: Native.Database; readonly file: string; readonly wal: string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-close-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'a.db');
  const db = new Native(file);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t(a)');
  return { db, file, wal: `${file}-wal` };
}

test('raw: the last connection copies the WAL when it closes, and deletes it', t => {
  const { db, wal } = writer(t);
  db.close();
  assert.equal(existsSync(wal), false);
});

test('beside a blocker the WAL stays as it is, also when the blocker goes', t => {
  const { db, file, wal } = writer(t);
  const before = [file, wal].map(path => readFileSync(path));
  const blocker = blockCheckpoint(file, statSync(file, { bigint: true }), null);
  assert.equal(blocker.holds, true);
  db.close();
  blocker.release();
  assert.deepEqual(
    [file, wal].map(path => readFileSync(path)),
    before,
  );
});

test('a file that has taken the place of the database is not opened', { skip: linux }, t => {
  const { db, file } = writer(t);
  const identity = statSync(file, { bigint: true });
  renameSync(file, `${file}-moved`);
  writeFileSync(file, 'another file');
  const blocker = blockCheckpoint(file, identity, null);
  const links = readdirSync('/proc/self/fd').map(fd => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return null;
    }
  });
  assert.deepEqual([blocker.holds, links.includes(file), links.includes(`${file}-moved`)], [true, false, true]);
  blocker.release();
  db.close();
});

test('says so where nothing can be opened', t => {
  const { db, file } = writer(t);
  db.close();
  rmSync(file);
  const blocker = blockCheckpoint(file, null, null);
  assert.equal(blocker.holds, false);
  blocker.release();
});
