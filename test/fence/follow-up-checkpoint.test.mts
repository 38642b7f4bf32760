/** No checkpoint begins after one during which another process has fenced the file, whatever waits for it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Database, type CheckpointEvent } from 'safe-sqlite';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';

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

for (const [name, other] of [
  ['no other connection', null],
  ['another connection that only reads', { readonly: true }],
  ['another connection that may write', { checkpoint: 'off' }],
] as const) {
  test(`one that waits for its turn then is not made: ${name} iterates meanwhile`, { skip: faultsSkip() }, async () => {
    using bench = createFaultBench();
    const child = bench.start(join(import.meta.dirname, '../checkpoint/checkpoint.scenario.mts'));
    await child.ask('open', { options: { checkpoint: 'off' } });
    await child.ask('exec', { sql: 'CREATE TABLE t (id); INSERT INTO t VALUES (zeroblob(400000)), (2)' });
    if (other !== null) {
      await child.ask('open', { as: 'other', options: other });
      await child.ask('iterate', { as: 'other' });
    }
    const before = await child.ask<number>('walSize');
    bench.faults.arm({ calls: 'fsync', path: '*/app.db', action: 'hold' });
    await child.ask('startCheckpoint');
    await bench.hit();
    await child.ask('queueTruncate');
    writeFileSync(join(bench.folder, 'app.db-fenced'), '');
    await child.ask('until', { event: 'fenced' });
    bench.faults.heal();
    assert.equal(await child.ask('queued'), 'SAFE_SQLITE_FENCED');
    assert.equal(await child.ask('walSize'), before);
  });
}
