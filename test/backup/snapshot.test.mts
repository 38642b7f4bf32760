// withSnapshot: over a real connection, with the three members that it needs.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withSnapshot } from '../../dist/backup/snapshot.js';
import { assertBank, backUp, bank, folder, names } from './fixture.mts';

function connect(t: Parameters<typeof bank>[0], home: string) {
  const db = bank(t, join(home, 'app.db'), 'wal', 20);
  const connection = {
    file: db.name,
    backup: (destination: string, options: { verify: 'quick' | 'full' }) => backUp(db, destination, options),
    transaction: <Value,>(change: () => Value): Value => db.transaction(change).immediate() as Value,
    problems: () =>
      db
        .prepare('SELECT * FROM pragma_foreign_key_check')
        .all()
        .map(row => JSON.stringify(row)),
  };
  return { db, connection };
}

test('a change that succeeds is committed, and its snapshot is kept or deleted as asked', async t => {
  const home = folder(t);
  const { db, connection } = connect(t, home);
  const kept = await withSnapshot(connection, () => db.exec('DELETE FROM account WHERE id = 1'));
  assert.equal(db.prepare('SELECT count(*) FROM account').pluck().get(), 19);
  assert.ok(kept.snapshot !== null);
  assertBank(kept.snapshot, 20);
  const pruned = await withSnapshot(connection, () => 42, { keep: 'on-failure' });
  assert.deepEqual(pruned, { value: 42, snapshot: null });
  assert.equal(names(home).filter(name => name.includes('snapshot')).length, 1);
});

test('a change that throws, awaits, or breaks the database is rolled back, and the error names the snapshot', async t => {
  const home = folder(t);
  const { db, connection } = connect(t, home);
  db.pragma('foreign_keys=OFF');
  const wrong = new Error('migration');
  const changes: [string, () => unknown, (cause: unknown) => boolean][] = [
    [
      'change',
      () => {
        db.exec('DELETE FROM account');
        throw wrong;
      },
      cause => cause === wrong,
    ],
    [
      'change',
      () => {
        db.exec('DELETE FROM account');
        return Promise.resolve();
      },
      cause => cause instanceof TypeError,
    ],
    ['check', () => db.exec('INSERT INTO transfer (source, target) VALUES (900, 901)'), () => true],
  ];
  for (const [step, change, isCause] of changes) {
    await assert.rejects(
      withSnapshot(connection, change, { keep: 'on-failure' }),
      (error: Error & { code: string; details: { step: string; snapshot: string } }) => {
        assert.equal(error.code, 'SAFE_SQLITE_BACKUP_FAILED');
        assert.equal(error.details.step, step);
        assert.ok(isCause(error.cause));
        assertBank(error.details.snapshot, 20);
        return true;
      },
    );
    assertBank(db.name, 20);
  }
});

test('without a snapshot there is no change', async t => {
  const home = folder(t);
  const { connection } = connect(t, home);
  const change = () => assert.fail('must not run');
  await assert.rejects(withSnapshot(connection, change, { directory: join(home, 'none') }), {
    code: 'SAFE_SQLITE_BACKUP_FAILED',
    message: /does not exist/,
  });
  await assert.rejects(withSnapshot({ ...connection, file: null }, change), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  await assert.rejects(withSnapshot(connection, 5 as never), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  await assert.rejects(withSnapshot(connection, change, { keep: 'never' as never }), {
    code: 'SAFE_SQLITE_INVALID_OPTION',
  });
  assert.ok(!existsSync(join(home, 'none')));
});
