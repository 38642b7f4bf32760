/** A checkpoint that finds the file fenced by another process when it ends starts no further one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Database, type CheckpointEvent } from 'safe-sqlite';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';

const KiB = 1024;

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-follow-up-'));
  file = join(folder, 'app.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a WAL that is due for a checkpoint, and so large that a TRUNCATE follows. */
function grown(): Database {
  const checkpoint = { walBytes: 64 * KiB, truncateAboveBytes: 128 * KiB };
  const db = new Database(file, { logger: false, checkpoint });
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(400000))');
  return db;
}

const walBytes = (): number => statSync(`${file}-wal`).size;

test('after a complete checkpoint of a large WAL a TRUNCATE follows', async () => {
  using db = grown();
  while (walBytes() > 0) {
    const [{ complete }] = (await once(db.events, 'checkpoint')) as [CheckpointEvent];
    assert.ok(complete);
  }
});

test('none follows where another process has fenced the file while the checkpoint ran', async () => {
  using db = grown();
  const modes: string[] = [];
  const before = walBytes();
  db.events.on('checkpoint', ({ mode }) => {
    modes.push(mode);
    const marker = { file, time: new Date().toISOString(), code: 'SQLITE_IOERR_FSYNC', operation: 'COMMIT' };
    // As that process does it: this one has not looked since.
    assert.equal(writeFenceMarker({ ...marker, message: 'disk I/O error' }), null);
  });
  await once(db.events, 'fenced');
  assert.deepEqual(modes, ['passive']);
  assert.equal(walBytes(), before);
});
