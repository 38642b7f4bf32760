// verifyDatabase: what it finds, what it leaves alone.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backup } from '../../dist/backup/backup.js';
import { restoreDatabase } from '../../dist/backup/restore/restore.js';
import { verifyDatabase } from '../../dist/backup/verify.js';
import { alone, bank, folder, identityOf, names, Native } from './fixture.mts';

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

for (const journal of ['wal', 'delete'] as const) {
  test(`an end that is missing in the middle of the last page, which SQLite reads as zeros: ${journal}`, async t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    const db = new Native(file);
    db.pragma(`journal_mode=${journal}`);
    db.exec(`CREATE TABLE t (a); INSERT INTO t VALUES ('${'x'.repeat(1000)}')`);
    db.close();
    assert.equal((await verifyDatabase(file)).ok, true);
    truncateSync(file, 8192 - 100);
    const raw = new Native(file);
    assert.deepEqual(raw.pragma('integrity_check', { simple: true }), 'ok');
    assert.notEqual(raw.prepare('SELECT a FROM t').pluck().get(), 'x'.repeat(1000));
    raw.close();
    for (const level of ['quick', 'full'] as const) {
      const { ok, problems } = await verifyDatabase(file, { level });
      assert.deepEqual(
        [ok, problems],
        [false, ['a.db has 8092 bytes, and SQLite counts 2 pages of 4096: its end is missing']],
      );
    }
    const sources = {
      native: raw,
      file,
      identity: identityOf(file),
      busyTimeoutMs: 1000,
      access: 'read-write' as const,
    };
    for (const method of ['online', 'vacuum-into'] as const) {
      for (const verify of ['quick', 'off'] as const) {
        await assert.rejects(backup(sources, join(home, 'copy.db'), { method, verify }, alone), /its end is missing/);
      }
    }
    const to = join(home, 'b.db');
    await assert.rejects(restoreDatabase({ from: file, to }, { isOpenHere: () => false }), /its end is missing/);
    assert.deepEqual(names(home), ['a.db']);
  });
}

test('a file that is shorter than its pages while they wait in the WAL is sound', async t => {
  const home = folder(t);
  const file = join(home, 'a.db');
  bank(t, file, 'wal', 50).pragma('wal_autocheckpoint=0');
  assert.ok(statSync(file).size < 4096 * 5);
  assert.equal((await verifyDatabase(file)).ok, true);
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
  mkdirSync(join(home, 'folder'));
  for (const [path, message] of [
    ['none.db', /^There is no database at .*none\.db\.$/],
    ['none/x.db', /^There is no database at .*x\.db: ENOENT/],
    ['folder', /^There is no database at .*folder: it is a folder\.$/],
  ] as const) {
    await assert.rejects(verifyDatabase(join(home, path)), { code: 'SQLITE_CANTOPEN', message });
  }
  await assert.rejects(verifyDatabase(5 as never), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  await assert.rejects(verifyDatabase('x', { level: 'deep' as never }), { code: 'SAFE_SQLITE_INVALID_OPTION' });
});
