/** Several connections of one thread to one file: what one of them does takes no checkpoint away from the others. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { Database } from 'safe-sqlite';
import { identityKey } from '../../dist/base/file-identity.js';
import { schedulerOf } from '../../dist/checkpoint/schedulers.js';

let folder = '';
let file = '';

beforeEach(() => {
  // In memory: the loops are long, and syncs say nothing here.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'checkpoint-'));
  file = join(folder, 'a.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

const framesOf = (path: string): number => Math.floor(statSync(`${path}-wal`).size / 4120);

describe('several connections of one thread', () => {
  for (const thread of ['worker', 'main'] as const) {
    test(`an open BEGIN that has read nothing takes no limit off the WAL of another one (${thread})`, () => {
      const options = { logger: false, checkpoint: { thread } } as const;
      using db = new Database(file, options);
      db.exec('CREATE TABLE t (a)');
      using idle = new Database(file, options);
      idle.exec('BEGIN');
      using reader = new Database(file, { logger: false, readonly: true });
      reader.exec('BEGIN');
      const insert = db.prepare('INSERT INTO t VALUES (1)');
      const commits = 9000;
      for (let number = 0; number < commits; number += 1) insert.run();
      const frames = framesOf(file);
      assert.ok(frames > 1000 && frames < commits / 2, `${frames} frames`);
    });
  }

  test('one that comes and goes at each request does not put the looks of the clock off', async () => {
    using db = new Database(file, { logger: false, checkpoint: { intervalMs: 500 } });
    let checkpoints = 0;
    db.events.on('checkpoint', () => (checkpoints += 1));
    db.exec('CREATE TABLE t (a)');
    // Opened more often than looks are due, with another interval and with the same one.
    for (let request = 0; request < 400 && checkpoints === 0; request += 1) {
      const intervalMs = request % 2 === 0 ? 500 : 400;
      new Database(file, { logger: false, checkpoint: { intervalMs } }).close();
      await delay(10);
    }
    assert.ok(checkpoints > 0, 'a checkpoint in 400 requests');
  });

  test('nor the poll after a commit', async () => {
    const options = { logger: false, checkpoint: { walBytes: 32 * 1024 } } as const;
    using db = new Database(file, options);
    db.exec('CREATE TABLE t (a)');
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(3000))');
    for (let commit = 0; commit < 40; commit += 1) insert.run();
    new Database(file, options).close();
    await turn();
    const identity = statSync(file, { bigint: true });
    assert.notEqual(schedulerOf({ key: identityKey(identity), file, identity }).running, null);
  });
});
