import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database, SqliteCantOpenError } from 'safe-sqlite';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-readonly-')));
const mounts: string[] = [];
after(() => {
  for (const mount of mounts) spawnSync('umount', ['-l', mount]);
  rmSync(folder, { recursive: true, force: true });
});
const root = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'needs root, to mount';

/** A folder with a WAL database, and the same folder mounted for reading only. */
function readonlyMount(end: string): { live: string; shot: string } {
  const place = mkdtempSync(join(folder, 'ground-'));
  const [live, shot] = [join(place, 'live'), join(place, 'shot')];
  mkdirSync(live);
  mkdirSync(shot);
  const program = `const db = new (require('better-sqlite3'))(process.argv[1]); db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)'); ${end}`;
  spawnSync(process.execPath, ['-e', program, join(live, 'app.db')]);
  execFileSync('mount', ['--bind', live, shot]);
  execFileSync('mount', ['-o', 'remount,ro,bind', shot]);
  mounts.push(shot);
  return { live: join(live, 'app.db'), shot: join(shot, 'app.db') };
}

describe('a WAL database on a read-only mount', { skip: root }, () => {
  test('with the sidecars of a writer that is gone: read for as long as raw better-sqlite3 reads', async () => {
    const { shot } = readonlyMount("process.kill(process.pid, 'SIGKILL')");
    const raw = new Native(shot, { readonly: true });
    assert.equal(raw.prepare('SELECT count(*) FROM t').pluck().get(), 2);
    raw.close();
    const db = new Database(shot, { readonly: true, logger: false, sentinel: { intervalMs: 20 } });
    const told: string[] = [];
    for (const name of ['locksLost', 'fileReplaced', 'fenced'] as const) db.events.on(name, () => void told.push(name));
    for (let look = 0; look < 5; look++) {
      assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 2);
      await sleep(50);
    }
    assert.deepEqual(told, []);
    db.close();
  });

  test('without sidecars: neither can read it, ours says why, and its advice works', () => {
    const { live, shot } = readonlyMount('db.close()');
    assert.throws(() => new Native(shot, { readonly: true }).prepare('SELECT * FROM t').all(), {
      code: 'SQLITE_CANTOPEN',
    });
    assert.throws(
      () => new Database(shot, { readonly: true, logger: false }),
      (error: unknown) =>
        error instanceof SqliteCantOpenError &&
        error.message.includes('is in WAL format') &&
        (error.hint ?? '').includes('Copy') &&
        (error.hint ?? '').includes('journal_mode=DELETE'),
    );
    const copy = join(folder, 'copy.db');
    copyFileSync(shot, copy);
    const copied = new Database(copy, { logger: false });
    assert.equal(copied.prepare('SELECT count(*) FROM t').pluck().get(), 2);
    copied.close();
    const original = new Native(live);
    original.pragma('journal_mode = DELETE');
    original.close();
    const db = new Database(shot, { readonly: true, logger: false });
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 2);
    db.close();
  });
});
