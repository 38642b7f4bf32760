/** Long transactions are found and named; the clock is handed in or advanced, so that nothing waits. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, afterEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Database, type LongTransactionEvent } from 'safe-sqlite';
import { findLongTransactions } from '../../dist/checkpoint/long-transactions.js';
import { isSharedConnection, type SharedConnection } from '../../dist/open/shared-connection.js';
import { openResolved } from '../../dist/open/open.js';
import { resolveOptions } from '../../dist/options/resolve.js';

const quiet = { logger: false, checkpoint: 'off' } as const;

let folder = '';
let opened: SharedConnection;
let db: Database;
let seen: LongTransactionEvent[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  opened = openResolved(resolveOptions(join(folder, 'a.db'), quiet));
  assert.ok(isSharedConnection(opened));
  db = new Database(opened as unknown as string);
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)');
  seen = [];
  db.events.on('longTransaction', event => seen.push(event));
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What is found when the clock has advanced by `ms` since the test began. */
const look = (now: number): void =>
  findLongTransactions(
    [
      {
        connection: opened.connection,
        schema: 'main',
        checkpoints: true,
        reads: () => [],
        entersWal() {},
        beforeCheckpoint: () => null,
      },
    ],
    now,
  );

describe('findLongTransactions', () => {
  test('an iterator that was left open is named by its SQL, at 10 s, 20 s, 40 s', () => {
    const rows = db.prepare('SELECT a FROM t').iterate();
    rows.next();
    const start = performance.now();
    for (const seconds of [9, 11, 15, 21, 23, 30, 47, 60]) look(start + seconds * 1000);
    assert.deepEqual(
      seen.map(({ kind, sql, ageMs }) => [kind, sql, Math.round(ageMs / 1000)]),
      [11, 23, 47].map(age => ['iterator', 'SELECT a FROM t', age]),
    );
    rows.return?.();
    look(start + 1_000_000);
    assert.equal(seen.length, 3);
  });

  test('a forgotten BEGIN is found; a transaction that ends and begins anew is not', () => {
    look(0);
    db.exec('BEGIN');
    for (const now of [250, 5000, 10_249]) look(now);
    assert.equal(seen.length, 0);
    look(10_250);
    assert.deepEqual(
      seen.map(({ kind, sql, ageMs }) => [kind, sql, ageMs]),
      [['transaction', 'BEGIN', 10_000]],
    );
    db.exec('COMMIT');
    look(10_500);
    db.exec('BEGIN');
    look(10_750);
    look(15_000);
    assert.equal(seen.length, 1);
    db.exec('ROLLBACK');
  });

  const ways: Record<string, () => void> = {
    exec: () => db.exec('COMMIT').exec('BEGIN'),
    'prepared statements': () => {
      db.prepare('END').run();
      db.prepare('BEGIN IMMEDIATE').run();
    },
    savepoints: () => {
      if (db.inTransaction) db.prepare('ROLLBACK').run();
      db.prepare('SAVEPOINT s').run();
      db.prepare('RELEASE s').run();
      db.prepare('SAVEPOINT s').run();
    },
    'a failure that rolls back': () => {
      assert.throws(() => db.prepare('INSERT OR ROLLBACK INTO u VALUES (1)').run());
      db.exec('BEGIN');
    },
  };
  for (const [way, another] of Object.entries(ways)) {
    test(`is not taken in by transactions that follow one another, ended by ${way}`, () => {
      db.exec('CREATE TABLE u(a UNIQUE); INSERT INTO u VALUES (1)');
      db.exec('BEGIN');
      for (let now = 0; now <= 30_000; now += 250) {
        another();
        look(now);
      }
      assert.deepEqual(seen, []);
      look(40_000);
      assert.deepEqual(
        seen.map(({ ageMs }) => ageMs),
        [10_000],
      );
    });
  }
});

test('the scheduler of an open database looks for them', async t => {
  const now = performance.now.bind(performance);
  let ahead = 0;
  t.mock.method(performance, 'now', () => now() + ahead);
  db.exec('BEGIN');
  // Each look finds a second gone since the last one.
  for (let round = 0; round < 500 && seen.length === 0; round += 1) {
    ahead += 1000;
    await delay(20);
  }
  assert.deepEqual(
    seen.map(({ kind, sql }) => [kind, sql]),
    [['transaction', 'BEGIN']],
  );
  db.exec('ROLLBACK');
});
