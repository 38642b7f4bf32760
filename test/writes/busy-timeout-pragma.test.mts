/** `PRAGMA busy_timeout` of the application beside `db.write`, which needs another one for its batches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { createBench, inserter, type Bench } from './fixture.mts';

/** What SQLite waits at this moment, unseen by the library. */
const waits = (bench: Bench): unknown => bench.opened.connection.native.prepare('PRAGMA busy_timeout').pluck().get();
const asked = (bench: Bench): unknown => bench.db.pragma('busy_timeout', { simple: true });

/** Each text sets 77 ms and fails all the same. */
const failing: Readonly<Record<string, (bench: Bench) => unknown>> = {
  'a text that fails behind it': ({ db }) => db.exec('PRAGMA busy_timeout = 77; SELECT no_such_column'),
  'a lock behind it': ({ db }) => db.exec('PRAGMA busy_timeout = 77; BEGIN IMMEDIATE'),
  'prepare, which takes one statement': ({ db }) => db.prepare('PRAGMA busy_timeout = 77; SELECT 1'),
  'pragma(), which takes one statement': ({ db }) => db.pragma('busy_timeout = 77; SELECT 1'),
};

describe('a PRAGMA busy_timeout whose text fails has acted', () => {
  for (const [what, act] of Object.entries(failing)) {
    test(`${what}: it is kept over a batch`, async () => {
      using bench = createBench({ timeout: 1234 });
      const insert = inserter(bench.db);
      const other = new Native(bench.file, { timeout: 0 });
      other.exec('BEGIN IMMEDIATE');
      assert.throws(() => act(bench));
      other.close();
      assert.equal(waits(bench), 77);
      await bench.db.write(() => insert(1));
      assert.equal(asked(bench), 77);
      assert.equal(waits(bench), 77);
    });

    test(`${what}: inside a write function, too, and the next batch does not wait in SQLite`, async () => {
      using bench = createBench({ timeout: 1234 });
      const insert = inserter(bench.db);
      // Inside of a transaction BEGIN fails without a lock.
      await bench.db.write(() => assert.throws(() => act(bench)));
      let during: unknown;
      await bench.db.write(() => {
        during = waits(bench);
        insert(1);
      });
      assert.equal(during, 0);
      assert.equal(asked(bench), 77);
    });
  }
});

test('inside a write function it answers what the application has set, and can be saved and put back', async () => {
  using bench = createBench({ timeout: 1234 });
  const { db } = bench;
  await db.write(() => {
    const before = asked(bench);
    assert.equal(before, 1234);
    assert.equal(db.prepare('PRAGMA busy_timeout').pluck().get(), 1234);
    db.pragma('busy_timeout = 9');
    assert.equal(asked(bench), 9);
    db.exec(`PRAGMA busy_timeout = ${String(before)}`);
  });
  assert.equal(asked(bench), 1234);
});

test('beside an open iterator it can be set and asked, as in better-sqlite3', async () => {
  using bench = createBench({ timeout: 1234 });
  const { db } = bench;
  const insert = inserter(db);
  const raw = new Native(':memory:');
  await db.write(() => (insert(1), insert(2)));
  for (const each of [raw, db as unknown as Native.Database]) {
    const iterator = each.prepare('SELECT 1 UNION SELECT 2').iterate();
    iterator.next();
    each.prepare('PRAGMA busy_timeout = 200').get();
    assert.equal(each.prepare('PRAGMA busy_timeout').pluck().get(), 200);
    iterator.return?.();
  }
  raw.close();
  await db.write(() => {
    const rows = db.prepare('SELECT x FROM t').iterate();
    rows.next();
    assert.equal(db.prepare('PRAGMA busy_timeout').pluck().get(), 200);
    rows.return?.();
  });
  assert.equal(asked(bench), 200);
});
