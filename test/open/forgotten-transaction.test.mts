import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, openDatabase, type WarningEvent } from 'safe-sqlite';

const require = createRequire(import.meta.url);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-forgotten-')));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(folder, `${count++}.db`);

function stored(file: string): unknown {
  const db = new Native(file);
  try {
    return db.prepare('SELECT count(*) FROM t').pluck().get();
  } finally {
    db.close();
  }
}

/** The warnings of a close behind `work`. */
function warningsOfClose(work: (db: InstanceType<typeof Database>) => void): WarningEvent[] {
  const db = new Database(fresh(), { logger: false });
  db.exec('CREATE TABLE t(a)');
  const warnings: WarningEvent[] = [];
  db.events.on('warning', event => void (event.code === 'transaction-rolled-back' && warnings.push(event)));
  work(db);
  db.close();
  return warnings;
}

describe('a transaction that was begun and never ended', () => {
  test('the hazard: raw better-sqlite3 returns from every call, closes without a word, and nothing is stored', () => {
    const file = fresh();
    const db = new Native(file);
    db.exec('CREATE TABLE t(a)');
    db.exec('BEGIN');
    for (let row = 0; row < 25; row++) assert.equal(db.prepare('INSERT INTO t VALUES (1)').run().changes, 1);
    db.close();
    assert.equal(stored(file), 0);
  });

  const begins: Readonly<Record<string, (db: InstanceType<typeof Database>) => void>> = {
    exec: db => void db.exec('BEGIN'),
    'a statement': db => void db.prepare('BEGIN IMMEDIATE').run(),
    'a savepoint': db => void db.exec('SAVEPOINT s'),
  };
  for (const [name, begin] of Object.entries(begins)) {
    test(`begun by ${name}: close() tells what it rolled back, with the SQL that began it`, () => {
      const [warning, ...more] = warningsOfClose(db => {
        begin(db);
        db.prepare('INSERT INTO t VALUES (1)').run();
      });
      assert.ok(warning);
      assert.deepEqual(more, []);
      assert.match(String(warning.details['sql']), /^(BEGIN|SAVEPOINT)/);
    });
  }

  test('nothing is reported of one that has only read, was committed, or was rolled back by the application', () => {
    assert.deepEqual(
      [
        warningsOfClose(db => void (db.exec('BEGIN'), db.prepare('SELECT * FROM t').all())),
        warningsOfClose(db => void db.exec('BEGIN; INSERT INTO t VALUES (1); COMMIT')),
        warningsOfClose(db => void db.exec('BEGIN; INSERT INTO t VALUES (1); ROLLBACK')),
        warningsOfClose(db => db.transaction(() => db.prepare('INSERT INTO t VALUES (1)').run())()),
        warningsOfClose(() => {}),
      ],
      [[], [], [], [], []],
    );
  });

  test('closing one of several handles tells it as well', () => {
    const file = fresh();
    const [one, two] = [openDatabase(file, { logger: false }), openDatabase(file, { logger: false })];
    one.exec('CREATE TABLE t(a)');
    const codes: string[] = [];
    two.events.on('warning', ({ code }) => void codes.push(code));
    one.exec('BEGIN');
    one.exec('INSERT INTO t VALUES (1)');
    one.close();
    assert.ok(codes.includes('transaction-rolled-back'));
    two.close();
  });

  test('the end of the process tells it in the log', () => {
    const program = `
      const { Database } = require(${JSON.stringify(require.resolve('safe-sqlite'))});
      const db = new Database(process.argv[1]);
      db.exec('CREATE TABLE t(a)'); db.exec('BEGIN'); db.exec('INSERT INTO t VALUES (1)');`;
    const run = spawnSync(process.execPath, ['-e', program, fresh()], { encoding: 'utf8' });
    assert.match(run.stderr, /transaction-rolled-back/);
  });

  test('the garbage collection of a forgotten handle tells it in the log, and its locks are free again', () => {
    const program = `
      const { Database } = require(${JSON.stringify(require.resolve('safe-sqlite'))});
      const Native = require(${JSON.stringify(require.resolve('better-sqlite3'))});
      const [file] = process.argv.slice(1);
      (() => {
        const db = new Database(file);
        db.exec('CREATE TABLE t(a)'); db.exec('BEGIN IMMEDIATE'); db.exec('INSERT INTO t VALUES (1)');
      })();
      let rounds = 0;
      const collect = setInterval(() => {
        gc();
        rounds += 1;
        const other = new Native(file, { timeout: 0 });
        try {
          other.exec('INSERT INTO t VALUES (2)');
          console.log('written', other.prepare('SELECT count(*) FROM t').pluck().get());
          clearInterval(collect);
        } catch { if (rounds > 500) clearInterval(collect); } finally { other.close(); }
      }, 10);`;
    const run = spawnSync(process.execPath, ['--expose-gc', '-e', program, fresh()], { encoding: 'utf8' });
    assert.match(run.stderr, /transaction-rolled-back.*BEGIN IMMEDIATE/);
    assert.match(run.stderr, /leaked-handle/);
    assert.equal(run.stdout, 'written 1\n', run.stderr);
  });
});

test('health is degraded while a transaction is open for too long, and says what began it', t => {
  const db = new Database(fresh(), { logger: false });
  db.exec('CREATE TABLE t(a)');
  db.exec('BEGIN IMMEDIATE');
  assert.deepEqual({ ...db.health().openTransaction, ageMs: 0 }, { ageMs: 0, sql: 'BEGIN IMMEDIATE', wrote: false });
  assert.ok(!db.health().reasons.some(reason => reason.startsWith('A transaction has been open')));
  const now = performance.now.bind(performance);
  t.mock.method(performance, 'now', () => now() + 11_000);
  const [reason] = db.health().reasons.filter(each => each.startsWith('A transaction has been open'));
  assert.match(reason ?? '', /11 s, begun by BEGIN IMMEDIATE/);
  t.mock.restoreAll();
  db.exec('COMMIT');
  assert.equal(db.health().openTransaction, null);
  db.close();
});
