// Targets and destinations that another process has open, in both journal modes: refused, and nothing of them is changed. Windows too.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { BackupError, RestoreError, restoreDatabase } from 'safe-sqlite';
import { assertBank, backUp, bank, closedBank, folder, Native, names, require } from '../fixture.mts';

/** Another process with the database open, idle behind its first read. */
async function holder(t: TestContext, path: string): Promise<() => Promise<void>> {
  const program = `const db = new (require(${JSON.stringify(require.resolve('better-sqlite3'))}))(${JSON.stringify(path)});
    db.prepare('SELECT count(*) FROM account').get(); console.log('open'); process.stdin.once('data', () => { db.close(); process.exit(); });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.write('end\n');
    await once(child, 'exit');
  };
}

/** What a failure must not leave. */
function leftovers(home: string): string[] {
  return names(home).filter(name => name.startsWith('.') || name.includes('before-restore'));
}

for (const journal of ['wal', 'delete'] as const) {
  describe(`in journal mode ${journal}`, () => {
    test('a restore onto a closed database puts the new one there, and keeps the old one', async t => {
      const home = folder(t);
      const [from, to] = [join(home, 'backup.db'), join(home, 'app.db')];
      closedBank(t, from, 'delete', 1);
      closedBank(t, to, journal, 7);
      const { kept } = await restoreDatabase({ from, to });
      assert.equal(assertBank(to, 30), 1);
      assert.equal(assertBank(kept[0] ?? '', 30), 7);
      assert.deepEqual([statSync(to).nlink, kept.length], [1, 1]);
    });

    test('a restore onto one that another process has open is refused, and works when that has ended', async t => {
      const home = folder(t);
      const [from, to] = [join(home, 'backup.db'), join(home, 'app.db')];
      closedBank(t, from, 'delete', 1);
      closedBank(t, to, journal, 7);
      const release = await holder(t, to);
      const before = names(home);
      await assert.rejects(restoreDatabase({ from, to }), (error: unknown) => {
        assert.ok(error instanceof RestoreError, String(error));
        assert.equal(error.details['step'], 'target');
        assert.match(error.message, /open in (?:process|another program)/);
        return true;
      });
      assert.deepEqual([names(home), leftovers(home)], [before, []]);
      assert.equal(statSync(to).nlink, 1);
      await release();
      assert.equal(assertBank(to, 30), 7);
      await restoreDatabase({ from, to });
      assert.equal(assertBank(to, 30), 1);
    });

    test('a backup over one that another process has open is refused, and works when that has ended', async t => {
      const home = folder(t);
      const db = bank(t, join(home, 'source.db'), 'wal', 30);
      const to = join(home, 'app.db');
      closedBank(t, to, journal, 7);
      const release = await holder(t, to);
      const before = names(home);
      await assert.rejects(backUp(db, to, { overwrite: true }), BackupError);
      assert.deepEqual([names(home), leftovers(home)], [before, []]);
      assert.equal(statSync(to).nlink, 1);
      await release();
      const closed = new Native(to);
      assert.equal(closed.prepare('SELECT transfers FROM total').pluck().get(), 7);
      closed.close();
      await backUp(db, to, { overwrite: true });
      assert.equal(assertBank(to, 30), 0);
    });
  });
}
