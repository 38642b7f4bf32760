/** A hard link to a database in use is no backup: SQLite does not find the -wal beside the other name. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { restoreDatabase } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-alias-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs /proc';

describe('restore from a second name', { skip: linux }, () => {
  test('of a database in use is refused, and from its own name it has every row', async () => {
    const file = join(folder, 'app.db');
    const alias = join(folder, 'alias.db');
    const db = new Native(file);
    db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    linkSync(file, alias);
    // Raw: a copy of what stands at that name has no table.
    copyFileSync(alias, join(folder, 'raw.db'));
    const raw = new Native(join(folder, 'raw.db'));
    assert.throws(() => raw.prepare('SELECT * FROM t'), /no such table/);
    raw.close();
    const to = join(folder, 'to.db');
    await assert.rejects(() => restoreDatabase({ from: alias, to }), {
      code: 'SAFE_SQLITE_RESTORE_FAILED',
      message: /2 names \(hard links\) .*process \d+ has open/,
    });
    assert.ok(!existsSync(to));
    await restoreDatabase({ from: file, to });
    db.close();
    const restored = new Native(to);
    assert.equal(restored.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    restored.close();
  });

  test('of a backup that rests is fine', async () => {
    const file = join(folder, 'backup.db');
    const db = new Native(file);
    db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    db.close();
    linkSync(file, join(folder, 'yesterday.db'));
    const to = join(folder, 'other.db');
    await restoreDatabase({ from: join(folder, 'yesterday.db'), to });
    const restored = new Native(to);
    assert.equal(restored.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    restored.close();
  });
});
