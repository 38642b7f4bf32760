import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database, SqliteCantOpenError, SqliteError } from 'safe-sqlite';
import { asCantOpen } from '../../dist/open/plan.js';
import { noLinks } from '../support/links.mts';

describe('what cannot be looked at cannot be opened', () => {
  test(
    'a path that leads in a circle: the code is that of better-sqlite3, the message says why',
    { skip: noLinks },
    t => {
      const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-reach-'));
      t.after(() => rmSync(folder, { recursive: true }));
      symlinkSync('b.db', join(folder, 'a.db'));
      symlinkSync('a.db', join(folder, 'b.db'));
      const file = join(folder, 'a.db');
      assert.throws(() => new Native(file), { code: 'SQLITE_CANTOPEN' });
      assert.throws(
        () => new Database(file),
        (error: SqliteCantOpenError) => {
          assert.ok(error instanceof SqliteCantOpenError && error instanceof SqliteError);
          assert.equal(error.code, 'SQLITE_CANTOPEN');
          assert.match(error.message, /^unable to open database file .*a\.db\): ELOOP/);
          assert.match(error.hint, /circle/);
          assert.deepEqual(error.details, { file, operation: 'open', errno: 'ELOOP' });
          return true;
        },
      );
    },
  );

  test('the answer of the look is passed on, and so is an error that no system call made', () => {
    assert.equal(
      asCantOpen('a.db', () => 1),
      1,
    );
    const own = new RangeError('no system call');
    assert.throws(
      () =>
        asCantOpen('a.db', () => {
          throw own;
        }),
      own,
    );
    assert.throws(() => asCantOpen(' a.db ', () => openSync('/no/such/folder/file', 'r')), {
      code: 'SQLITE_CANTOPEN',
      message: /in a\.db\): ENOENT/,
    });
  });
});
