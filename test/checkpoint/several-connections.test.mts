/** Several connections of one thread to one file: what one of them does takes no checkpoint away from the others. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Database } from 'safe-sqlite';

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
});
