import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database, diagnose, SqliteCantOpenError, verifyDatabase } from 'safe-sqlite';

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

  test('without sidecars: neither can read it, ours says why, everywhere the same, and its advice works', async () => {
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
    const advice = new RegExp(`Copy ${shot} to a folder that can be written .* run .PRAGMA journal_mode=DELETE. `);
    // A check reads a private copy of its bytes.
    const { ok, problems } = await verifyDatabase(shot);
    assert.deepEqual([ok, problems], [true, []]);
    const { findings } = await diagnose(shot);
    assert.match(findings.find(({ code }) => code === 'unsafe-filesystem')?.action ?? '', advice);
    assert.ok(!existsSync(`${shot}-shm`));
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

const service = { uid: 65_534, gid: 65_534 };

interface Reached {
  readonly read: string | number;
  readonly write: string;
  readonly message: string;
  readonly hint: string;
}

/** What a process of the service's user can do with the database. */
function reachAs(library: 'better-sqlite3' | 'safe-sqlite', file: string, readonly: boolean): Reached {
  const program = `
    const library = process.argv[1];
    const { default: Database } = await import(process.argv[2]);
    const told = { read: '', write: 'ok', message: '', hint: '' };
    const ours = library === 'safe-sqlite' ? { logger: false, sentinel: { intervalMs: 30 } } : {};
    const open = readonly => new Database(process.argv[3], { ...ours, readonly });
    let db = null;
    const keep = error => { told.message = error.message; told.hint = error.hint ?? ''; return error.code ?? String(error); };
    const lost = [];
    try {
      db = open(${readonly});
      for (const name of ['locksLost', 'fileReplaced', 'fenced']) db.events?.on(name, () => lost.push(name));
      told.read = db.prepare('SELECT count(*) FROM t').pluck().get();
      await new Promise(resolve => setTimeout(resolve, 150));
      told.read = db.prepare('SELECT count(*) FROM t').pluck().get();
      if (lost.length > 0) told.read = lost.join();
    } catch (error) { told.read = keep(error); }
    try { db ??= open(false); db.exec('INSERT INTO t VALUES (9)'); } catch (error) { told.write = keep(error); }
    try { db?.close(); } catch { }
    console.log(JSON.stringify(told));`;
  const run = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program, library, import.meta.resolve(library), file],
    { encoding: 'utf8', ...service, env: { PATH: process.env['PATH'] ?? '', HOME: '/' } },
  );
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as Reached;
}

/** The sidecars that root left beside the database of the service, with the modes of `-wal` and `-shm`. */
function leftByRoot(modes: { wal: number; shm: number; database?: number }): string {
  const place = mkdtempSync(join(folder, 'owner-'));
  chmodSync(folder, 0o755);
  const file = join(place, 'app.db');
  const program = `const db = new (require('better-sqlite3'))(process.argv[1]); db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)'); process.kill(process.pid, 'SIGKILL')`;
  spawnSync(process.execPath, ['-e', program, file]);
  for (const path of [place, file]) chownSync(path, service.uid, service.gid);
  chmodSync(`${file}-wal`, modes.wal);
  chmodSync(`${file}-shm`, modes.shm);
  return file;
}

describe('sidecars of another user', { skip: root }, () => {
  for (const [what, modes] of Object.entries({
    'both can be read': { wal: 0o644, shm: 0o644 },
    'the -shm cannot be read': { wal: 0o644, shm: 0o600 },
    'the -wal cannot be read': { wal: 0o600, shm: 0o644 },
    'neither can be read': { wal: 0o600, shm: 0o600 },
  })) {
    for (const readonly of [false, true]) {
      test(`${what}, ${readonly ? 'readonly' : 'for writing'}: reads as far as raw, fails with the owner and the command, which works`, () => {
        const raw = reachAs('better-sqlite3', leftByRoot(modes), readonly);
        const file = leftByRoot(modes);
        const ours = reachAs('safe-sqlite', file, readonly);
        assert.equal(ours.read, raw.read);
        assert.match(ours.write, /^SQLITE_(READONLY|CANTOPEN)/);
        if (readonly) return;
        assert.match(ours.hint, /app\.db-(wal|shm) belongs to user 0 \(mode 06[04]{2}\)/);
        const command = /`(chown .*?)`/.exec(ours.hint)?.[1] ?? '';
        execFileSync('sh', ['-c', command]);
        const last = reachAs('safe-sqlite', file, readonly);
        assert.equal(last.write, 'ok', last.hint);
      });
    }
  }
});
