/** The sync through a descriptor of SQLite whose number another thread may give away. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type * as FileSystem from 'node:fs';
import { syncDatabase } from '../../../dist/maintenance/jobs/sync-database.js';

const fs = createRequire(import.meta.url)('node:fs') as typeof FileSystem;
const skip = process.platform === 'linux' ? false : 'needs the /proc of Linux';

/** What is thrown when the sync fails with EIO after `meanwhile` got the number of the descriptor; null when nothing is. */
function failure(t: { after: (end: () => void) => void }, meanwhile: (fd: number, folder: string) => void): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const fd = fs.openSync(join(folder, 'app.db'), 'w');
  const { dev, ino } = fs.fstatSync(fd, { bigint: true });
  const { fsyncSync } = fs;
  fs.fsyncSync = number => {
    meanwhile(number, folder);
    throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
  };
  try {
    syncDatabase({ dev, ino });
    return null;
  } catch (error) {
    return error;
  } finally {
    fs.fsyncSync = fsyncSync;
  }
}

describe('syncDatabase', { skip }, () => {
  test('a failure of the database is one of its disk', t => {
    assert.equal(Reflect.get(failure(t, () => {}) as Error, 'code'), 'SQLITE_IOERR_FSYNC');
  });

  test('a failure of a file that got the number since is reported as such, not suppressed', t => {
    const error = failure(t, (fd, folder) => {
      fs.closeSync(fd);
      assert.equal(fs.openSync(join(folder, 'other.log'), 'w'), fd);
    }) as Error;
    assert.equal(Reflect.get(error, 'code'), 'EIO');
    assert.match(error.message, /other\.log failed; it is not a file of this database/);
  });

  test('a descriptor that was closed is left alone', t => {
    assert.equal(failure(t, fs.closeSync), null);
  });
});
