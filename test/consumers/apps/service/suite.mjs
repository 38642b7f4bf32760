// A test suite that deletes its database between two tests, and never closes it.
import Database from 'better-sqlite3';
import assert from 'node:assert';
import { existsSync, rmSync, unlinkSync } from 'node:fs';
import { beforeEach, test } from 'node:test';

let db;

function fresh() {
  for (const name of ['test.db', 'test.db-wal', 'test.db-shm']) rmSync(name, { force: true });
  db = new Database('test.db');
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (a UNIQUE)');
}

function onlyTheFile() {
  if (existsSync('test.db')) unlinkSync('test.db');
  for (const suffix of ['-wal', '-shm']) if (existsSync(`test.db${suffix}`)) unlinkSync(`test.db${suffix}`);
  db = new Database('test.db');
  db.exec('CREATE TABLE t (a UNIQUE)');
}

beforeEach(() => (process.env.HOW === 'unlink' ? onlyTheFile() : fresh()));

for (let round = 0; round < 12; round += 1) {
  test(`round ${round}`, async () => {
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 0);
    db.prepare('INSERT INTO t VALUES (?)').run(round);
    assert.throws(() => db.prepare('INSERT INTO t VALUES (?)').run(round), { code: 'SQLITE_CONSTRAINT_UNIQUE' });
    // Longer than an interval of what watches, now and then.
    if (round % 4 === 0) await new Promise(resolve => setTimeout(resolve, 1200));
    assert.equal(db.transaction(() => db.prepare('SELECT count(*) FROM t').pluck().get())(), 1);
  });
}
