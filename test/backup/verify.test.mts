// verifyDatabase: what it finds, what it leaves alone.
import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyDatabase } from '../../dist/backup/verify.js';
import { bank, folder, names, Native } from './fixture.mts';

test('a sound database, closed and open, in both journal modes: ok, and every file stays as it was', async t => {
  for (const journal of ['wal', 'delete'] as const) {
    const home = folder(t);
    const file = join(home, 'a.db');
    const db = bank(t, file, journal, 50);
    db.pragma('user_version=3');
    const open = await verifyDatabase(file);
    assert.deepEqual([open.ok, open.problems, open.foreignKeyViolations, open.journalMode], [true, [], 0, journal]);
    assert.equal(open.header?.userVersion, 3);
    db.exec("INSERT INTO account (balance, note) VALUES (0, '')");
    db.close();
    const before = readFileSync(file);
    assert.equal((await verifyDatabase(file, { level: 'full' })).ok, true);
    assert.deepEqual(readFileSync(file), before);
    assert.deepEqual(names(home), ['a.db']);
  }
});

test('damage is reported, not thrown', async t => {
  const home = folder(t);
  const file = join(home, 'a.db');
  bank(t, file, 'delete', 50).close();
  const sound = readFileSync(file);
  const cases: [string, () => void][] = [
    ['a page of rubbish', () => writeFileSync(file, Buffer.from(sound).fill(0x41, 4096 * 2, 4096 * 3))],
    ['a missing end', () => truncateSync(file, sound.length - 4096)],
    ['no database', () => writeFileSync(file, 'x'.repeat(9000))],
    ['nothing', () => writeFileSync(file, '')],
  ];
  for (const [what, damage] of cases) {
    writeFileSync(file, sound);
    damage();
    const report = await verifyDatabase(file);
    assert.equal(report.ok, false, what);
    assert.ok(report.problems.length > 0, what);
  }
});

test('an index that disagrees with its table is found by `full` alone', async t => {
  const file = join(folder(t), 'a.db');
  const db = new Native(file);
  db.exec('CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 2), (3, 4)');
  db.unsafeMode(true);
  db.pragma('writable_schema=ON');
  db.exec(`UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t (b)' WHERE name = 'i'`);
  db.close();
  assert.equal((await verifyDatabase(file, { level: 'quick' })).ok, true);
  assert.equal((await verifyDatabase(file, { level: 'full' })).ok, false);
});

test('rows that refer to nothing are counted apart', async t => {
  const file = join(folder(t), 'a.db');
  const db = bank(t, file, 'delete', 5);
  db.pragma('foreign_keys=OFF');
  db.exec('INSERT INTO transfer (source, target) VALUES (900, 1)');
  const report = await verifyDatabase(file);
  assert.deepEqual([report.ok, report.foreignKeyViolations], [true, 1]);
});

test('what cannot be checked is thrown', async t => {
  const home = folder(t);
  await assert.rejects(verifyDatabase(join(home, 'none.db')), { code: 'SQLITE_CANTOPEN' });
  await assert.rejects(verifyDatabase(join(home, 'none', 'x.db')), { code: 'ENOENT' });
  await assert.rejects(verifyDatabase(5 as never), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  await assert.rejects(verifyDatabase('x', { level: 'deep' as never }), { code: 'SAFE_SQLITE_INVALID_OPTION' });
});
