/** Tests the reset of a copied WAL: a reader that pins it is reported, and nothing else is mistaken for one. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { Database, type CheckpointBlockedEvent } from 'safe-sqlite';
import { identityKey } from '../../dist/base/file-identity.js';
import type { FileScheduler } from '../../dist/checkpoint/scheduler.js';
import { schedulerOf } from '../../dist/checkpoint/schedulers.js';
import { until } from '../support/until.mts';

const KiB = 1024;

let folder = '';
let db: Database;
/** The events that say of a WAL that is copied that it is pinned. */
let pinned: CheckpointBlockedEvent[] = [];

function open(checkpoint: object): void {
  db = new Database(join(folder, 'a.db'), { logger: false, checkpoint });
  db.events.on('checkpointBlocked', event => {
    if (event.reason === 'reader' && event.walFrames === event.checkpointedFrames) pinned.push(event);
  });
  db.exec('CREATE TABLE t (a)');
}

function scheduler(): FileScheduler {
  const identity = statSync(db.name, { bigint: true });
  return schedulerOf({ key: identityKey(identity), file: db.name, identity });
}

beforeEach(() => {
  // In memory: the loops are long, and syncs say nothing here.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'checkpoint-'));
  pinned = [];
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

describe('a WAL that is copied', () => {
  test('has started over, also where it is the larger one at the next look', () => {
    open({ walBytes: 16 * KiB, truncateAboveBytes: 64 * KiB });
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(?))');
    for (let commit = 0; commit < 3000; commit += 1) insert.run(5000 + (commit % 7) * 10_000);
    const { complete } = scheduler().counters.counts;
    assert.ok(complete > 5, `${complete} complete checkpoints`);
    assert.deepEqual(pinned, []);
  });

  test('is pinned when a reader keeps it from starting over a second time, until it does', async () => {
    const truncateAboveBytes = 1024 * KiB;
    open({ walBytes: 16 * KiB, intervalMs: 200, truncateAboveBytes });
    const insert = db.prepare('INSERT INTO t VALUES (zeroblob(?))');
    using reader = new Database(db.name, { logger: false, readonly: true });
    let armed = false;
    let completeBefore = 0;
    const readAnew = (): unknown =>
      reader.exec(`${reader.inTransaction ? 'COMMIT; ' : ''}BEGIN; SELECT count(*) FROM t`);
    // Behind the passive one and before the `inline`: a commit that the `inline` has to copy, and a reader of it.
    db.events.on('checkpoint', () => {
      if (!armed) return;
      armed = false;
      completeBefore = scheduler().counters.counts.complete;
      insert.run(10);
      readAnew();
    });
    const pin = async (times: number, bytes: number): Promise<void> => {
      armed = true;
      insert.run(bytes);
      readAnew();
      const finished = (): boolean => !armed && scheduler().counters.counts.complete > completeBefore;
      await until(finished, 'the `inline` was complete');
      insert.run(10);
      await until(() => scheduler().history.pinned?.consecutive === times, `it is pinned ${times} times`);
    };

    // Large enough for an `inline`, too small for a `truncate`.
    await pin(1, truncateAboveBytes * 0.8);
    assert.deepEqual(pinned, []);
    const pausedUntil = scheduler().history.pinned?.pausedUntil ?? 0;
    await until(() => performance.now() > pausedUntil, 'the next `inline` may run');
    await pin(2, 10);
    assert.deepEqual(
      pinned.map(({ consecutive }) => consecutive),
      [2],
    );

    // No `inline` runs any more.
    reader.exec('COMMIT');
    await until(() => {
      insert.run(10);
      return scheduler().history.pinned === null && db.health().checkpoints?.blocked === null;
    }, 'it has started over');
  });
});
