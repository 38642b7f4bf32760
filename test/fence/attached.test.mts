/** A fenced file is not opened for writing by ATTACH either, and DETACH of a file that others checkpoint leaves its WAL. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { FencedDatabaseError } from '../../dist/errors/refusals.js';
import { writeFenceMarker } from '../../dist/filesystem/fence-marker.js';

let folder = '';
let main = '';
let other = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-attached-'));
  main = join(folder, 'app.db');
  other = join(folder, 'other.db');
  const db = new Native(other);
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE o (x)');
  db.close();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('ATTACH of a fenced file', () => {
  const ways: Readonly<Record<string, (db: Database) => unknown>> = {
    'db.attach': db => db.attach(other, 'o'),
    exec: db => db.exec(`ATTACH '${other}' AS o`),
    prepare: db => db.prepare(`ATTACH '${other}' AS o`).run(),
  };
  for (const [name, attach] of Object.entries(ways)) {
    test(`${name}: raw better-sqlite3 writes to it, ours throws FencedDatabaseError and leaves it alone`, () => {
      const marker = { file: other, time: new Date().toISOString(), code: 'SQLITE_IOERR_FSYNC', operation: 'run' };
      assert.equal(writeFenceMarker({ ...marker, message: 'disk I/O error' }), null);
      const raw = new Native(main);
      raw.exec(`ATTACH '${other}' AS o; INSERT INTO o.o VALUES (1)`);
      raw.close();
      const before = statSync(other).mtimeMs;
      using db = new Database(main, { logger: false });
      assert.throws(() => attach(db), FencedDatabaseError);
      assert.deepEqual(db.pragma('database_list'), [{ seq: 0, name: 'main', file: db.name }]);
      assert.equal(existsSync(`${other}-wal`), false);
      assert.equal(statSync(other).mtimeMs, before);
    });
  }
});

describe('DETACH with an external checkpointer', () => {
  test('raw better-sqlite3 checkpoints and deletes the -wal, ours leaves it to its owner', () => {
    const raw = new Native(main);
    raw.exec(`ATTACH '${other}' AS o; INSERT INTO o.o VALUES (1); DETACH o`);
    raw.close();
    assert.equal(existsSync(`${other}-wal`), false);

    using db = new Database(main, { logger: false, checkpoint: { owner: 'external' } });
    db.attach(other, 'o');
    db.exec('INSERT INTO o.o VALUES (2)');
    const walBytes = statSync(`${other}-wal`).size;
    assert.ok(walBytes > 0);
    db.detach('o');
    assert.equal(statSync(`${other}-wal`).size, walBytes);
    const reader = new Native(other);
    assert.deepEqual(reader.prepare('SELECT x FROM o').pluck().all(), [1, 2]);
    reader.close();
  });
});
