/** close() without frames in the WAL: SQLite has nothing to copy, and is not asked. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, type CheckpointEvent, type Options } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-nothing-to-copy-'));
after(() => rmSync(folder, { recursive: true }));
const linux = process.platform === 'linux' ? false : 'the locks are seen on Linux alone';

let made = 0;
function created(): string {
  const file = join(folder, `${++made}.db`);
  new Database(file, { logger: false }).exec('CREATE TABLE t(a)').close();
  return file;
}

/** Another process commits, and is killed before it could copy anything. */
function commitElsewhere(file: string): void {
  const addon = createRequire(import.meta.url).resolve('better-sqlite3');
  const script = `const Native = require(${JSON.stringify(addon)}); const db = new Native(${JSON.stringify(file)});
    db.exec('INSERT INTO t VALUES (2)'); process.kill(process.pid, 'SIGKILL')`;
  assert.equal(spawnSync(process.execPath, ['-e', script]).signal, 'SIGKILL');
}

/** The checkpoints of close() that were reported. */
function closed(file: string, work: (db: Database) => void, options: Options = {}): readonly CheckpointEvent[] {
  const db = new Database(file, { logger: false, ...options });
  const events: CheckpointEvent[] = [];
  db.events.on('checkpoint', event => void events.push(event));
  work(db);
  db.close();
  return events;
}

function rows(file: string): unknown {
  const db = new Native(file);
  try {
    return db.prepare('SELECT a FROM t ORDER BY a').pluck().all();
  } finally {
    db.close();
  }
}

describe('the last close', () => {
  const reads = (db: Database): unknown => db.prepare('SELECT * FROM t').all();

  test('of a connection that only read: no checkpoint, no -wal is left', { skip: linux }, () => {
    const file = created();
    assert.deepEqual(closed(file, reads), []);
    assert.equal(existsSync(`${file}-wal`), false);
  });

  test('behind a commit of its own: a checkpoint', () => {
    const file = created();
    const [checkpoint, ...more] = closed(file, db => db.exec('INSERT INTO t VALUES (1)'));
    assert.equal(checkpoint?.complete, true);
    assert.deepEqual(more, []);
    assert.deepEqual(rows(file), [1]);
  });

  for (const [when, work] of [
    ['and after a look at the empty WAL', (db: Database) => reads(db)],
    ['and this connection has read nothing since', () => {}],
  ] as const)
    test(`another process committed and died, ${when}: a checkpoint`, () => {
      const file = created();
      const [checkpoint] = closed(file, db => {
        work(db);
        commitElsewhere(file);
      });
      assert.equal(checkpoint?.complete, true);
      assert.deepEqual(rows(file), [2]);
    });

  test('behind a checkpoint that truncated the WAL, and a commit', async () => {
    const file = created();
    const db = new Database(file, { logger: false });
    const events: CheckpointEvent[] = [];
    db.exec('INSERT INTO t VALUES (1)');
    await db.checkpoint('truncate');
    db.events.on('checkpoint', event => void events.push(event));
    db.exec('INSERT INTO t VALUES (2)');
    db.close();
    assert.equal(events.length, 1);
    assert.deepEqual(rows(file), [1, 2]);
  });

  test('without a sentinel: a checkpoint, because nothing was looked at', () => {
    const file = created();
    assert.equal(closed(file, reads, { sentinel: 'off' }).length, 1);
  });

  test('of an attached file that was written: a checkpoint of each file', () => {
    const [file, other] = [created(), created()];
    closed(file, db => {
      db.prepare('ATTACH ? AS other').run(other);
      db.exec('INSERT INTO other.t VALUES (3)');
    });
    assert.deepEqual(rows(other), [3]);
    assert.equal(existsSync(`${other}-wal`), false);
  });
});
