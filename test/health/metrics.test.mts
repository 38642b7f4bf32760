import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Database, { ClosedDatabaseError, metricsText, openDatabase, SqliteFullError, type Options } from 'safe-sqlite';
import { parsePrometheus } from '../support/prometheus.mts';

const folder = mkdtempSync(join(tmpdir(), 'metrics-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

function open(t: { after(fn: () => void): void }, options: Options = {}): Database.Database {
  const db = new Database(join(folder, `${(files += 1)}.db`), { logger: false, ...options });
  t.after(() => db.close());
  return db;
}

describe('metricsText', () => {
  test('declares each family once for several databases, whose texts behind each other are no valid page', t => {
    const [main, audit] = [open(t), open(t)];
    assert.throws(() => parsePrometheus(main.metrics('main') + audit.metrics('audit')), /is declared twice/);
    const families = parsePrometheus(metricsText({ main, audit }));
    for (const { name, samples } of families.values()) {
      assert.deepEqual([...new Set(samples.map(({ labels }) => labels['database']))], ['main', 'audit'], name);
    }
  });

  test('leaves out what a database has not, and the family when none has it', t => {
    const memory = new Database(':memory:');
    t.after(() => memory.close());
    const families = parsePrometheus(metricsText({ memory, main: open(t) }));
    assert.deepEqual(
      families.get('safe_sqlite_wal_bytes')?.samples.map(({ labels }) => labels['database']),
      ['main'],
    );
    assert.equal(parsePrometheus(memory.metrics()).has('safe_sqlite_wal_bytes'), false);
    assert.equal(metricsText({}), '');
  });

  test('names are escaped', t => {
    const name = 'a "b"\\\nc';
    const [info] = parsePrometheus(open(t).metrics(name)).get('safe_sqlite_info')?.samples ?? [];
    assert.equal(info?.labels['database'], name);
  });

  test('throws for a closed database', () => {
    const db = new Database(':memory:');
    db.close();
    assert.throws(() => metricsText({ db }), ClosedDatabaseError);
  });
});

describe('commits', () => {
  const count = (db: Database.Database): number => db.health().commitMs.count;

  test('of statements, of db.transaction and of db.write are timed once each, and nothing inside a transaction is', async t => {
    const db = open(t);
    db.exec('CREATE TABLE t (a)');
    const insert = db.prepare('INSERT INTO t VALUES (1)');
    assert.equal(count(db), 0, 'texts are not looked at one by one');
    insert.run();
    db.prepare('INSERT INTO t VALUES (1) RETURNING a').get();
    db.prepare('INSERT INTO t VALUES (1) RETURNING a').all();
    db.prepare('SELECT * FROM t').all();
    assert.equal(count(db), 3);
    db.transaction(() => {
      insert.run();
      insert.run();
    })();
    db.transaction(() => db.prepare('SELECT * FROM t').all())();
    assert.equal(count(db), 4, 'what only read had nothing to commit');
    await Promise.all([db.write(() => insert.run()), db.write(() => insert.run())]);
    // One batch, unless the machine is so slow that the first write holds the event loop for long.
    assert.equal(count(db), 4 + db.health().writes.batches);
    assert.ok(db.health().commitMs.sum > 0);
  });

  test('a statement that fails is not counted, and fails as it did before', t => {
    const db = open(t);
    db.exec('CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)');
    assert.throws(() => db.prepare('INSERT INTO t VALUES (1)').run(), { code: 'SQLITE_CONSTRAINT_UNIQUE' });
    assert.equal(count(db), 0);
  });

  test('BEGIN by hand is not counted', t => {
    const db = open(t);
    db.prepare('BEGIN IMMEDIATE').run();
    db.prepare('ROLLBACK').run();
    assert.equal(count(db), 0);
  });
});

test('checkpoints are counted by outcome, and timed', async t => {
  const db = open(t, { checkpoint: { intervalMs: 3_600_000 } });
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  await db.checkpoint();
  const reader = open(t, { checkpoint: 'off' });
  assert.deepEqual(db.health().checkpoints?.counts, { complete: 1, blocked: 0, busy: 0, failed: 0 });
  const second = new Database(db.name, { logger: false, checkpoint: { intervalMs: 3_600_000 } });
  t.after(() => second.close());
  const rows = second.prepare('SELECT * FROM t').iterate();
  rows.next();
  db.exec('INSERT INTO t VALUES (2)');
  await db.checkpoint();
  rows.return?.();
  const { counts, durationMs } = db.health().checkpoints ?? {};
  assert.deepEqual(counts, { complete: 1, blocked: 1, busy: 0, failed: 0 });
  assert.equal(durationMs?.count, 2);
  assert.equal(reader.health().checkpoints?.counts.complete, 0, 'each file has its own');
});

test('faults are counted by their class; mistakes of the application are not', async t => {
  const db = open(t, { timeout: 0 });
  db.exec('CREATE TABLE t (a UNIQUE)');
  const pages = db.pragma('page_count', { simple: true }) as number;
  db.pragma(`max_page_count = ${pages}`);
  assert.throws(() => db.prepare('INSERT INTO t VALUES (zeroblob(100000))').run(), SqliteFullError);
  const { status, reasons } = db.health();
  assert.equal(status, 'degraded');
  assert.match(reasons[0] ?? '', /lack of space 0 s ago/);
  assert.throws(() => db.exec('nonsense'));
  const other = new Database(db.name, { logger: false, timeout: 0 });
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  assert.throws(() => db.exec('INSERT INTO t VALUES (1)'), { code: 'SQLITE_BUSY' });
  other.exec('ROLLBACK');
  const { faults } = db.health();
  assert.deepEqual(
    Object.entries(faults).filter(([, times]) => times > 0),
    [
      ['SqliteBusyError', 1],
      ['SqliteFullError', 1],
    ],
  );
});

test('the queue counts its batches', async t => {
  const db = openDatabase(join(folder, 'queue.db'), { logger: false });
  t.after(() => db.close());
  db.exec('CREATE TABLE t (a)');
  await Promise.all([1, 2, 3].map(value => db.write(() => db.prepare('INSERT INTO t VALUES (?)').run(value))));
  const families = parsePrometheus(db.metrics());
  const value = (name: string): number | undefined => families.get(`safe_sqlite_${name}`)?.samples[0]?.value;
  const { batches } = db.health().writes;
  assert.deepEqual([value('writes_committed_total'), value('batches_total'), value('up')], [3, batches, 1]);
});
