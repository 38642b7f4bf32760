/**
 * Both directions of the watch over contents: silent while other processes commit, checkpoint, VACUUM, try to switch the
 * journal mode, and tools `touch`, `chmod`, read, copy and back up the file; and right after it, it notices a stranger.
 *
 * Here for some thousand commits; `node test/sentinel/alarms/ordinary-life.test.mts --commits=1000000 --save` for the long
 * run, whose result docs/changed-underneath.md has.
 */
import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, realpathSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';
import { saveResult } from '../../results/save.mts';

if (process.argv[2] === 'writer') await write(process.argv[3] ?? '', process.argv[4] ?? '');
else suite();

/** Commits of every kind until it gets a stop message; returns how many there were. */
async function write(file: string, habit: string): Promise<void> {
  const db = new Native(file, { timeout: 10_000 });
  db.pragma('synchronous = OFF');
  db.pragma(`wal_autocheckpoint = ${habit === 'checkpoints often' ? 20 : 1000}`);
  const insert = db.prepare('INSERT INTO t VALUES (?, ?)');
  const remove = db.prepare('DELETE FROM t WHERE rowid IN (SELECT rowid FROM t ORDER BY random() LIMIT ?)');
  const update = db.prepare('UPDATE t SET a = ? WHERE rowid = (SELECT max(rowid) FROM t)');
  let stopped = false;
  let commits = 0;
  process.on('message', () => (stopped = true));
  while (!stopped) {
    for (let n = 0; n < 50; n++) {
      try {
        insert.run('x'.repeat(n * 20), n);
        update.run('y');
        commits += 2;
        if (n === 49) commits += Number(remove.run(40).changes > 0);
        if (n === 48 && habit === 'truncates') db.pragma('wal_checkpoint(TRUNCATE)');
        if (n === 47 && habit === 'truncates' && commits % 700 < 150) db.exec('VACUUM');
        // Refused for as long as another process has the file open.
        if (n === 46 && habit === 'truncates') db.pragma('journal_mode = DELETE');
      } catch (error) {
        if (!(error instanceof Native.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code))) throw error;
      }
    }
    process.send?.(commits);
    await sleep(0);
  }
  db.close();
  process.disconnect();
}

function suite(): void {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-life-')));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
  const wanted = Number(process.argv.find(argument => argument.startsWith('--commits='))?.split('=')[1] ?? 6000);

  /** Tools that leave the contents alone. */
  const housekeeping = `while :; do
    touch "$1"; touch "$1-wal"; chmod 600 "$1"; chmod 644 "$1"; cat "$1" "$1-wal" "$1-shm" > /dev/null
    cp "$1" "$2/copy.db"; cp --reflink=auto -p "$1" "$2/snapshot.db"; touch -d 2020-01-01 "$1"; sync "$1"; sleep 0.02
  done`;

  function start(file: string, habit: string): { readonly stop: () => Promise<void>; readonly commits: () => number } {
    const child = fork(import.meta.filename, ['writer', file, habit]);
    let commits = 0;
    child.on('message', count => (commits = Number(count)));
    const ended = once(child, 'exit') as Promise<[number | null]>;
    return {
      commits: () => commits,
      async stop() {
        if (child.connected) child.send('stop');
        const [code] = await ended;
        assert.equal(code, 0, habit);
      },
    };
  }

  describe('ordinary life', { skip: linux }, () => {
    /** What a stranger does when all is quiet; each must be noticed at the next look. */
    const strangers: Readonly<Record<string, (file: string) => void>> = {
      'a page in the middle': file => {
        const { size } = statSync(file);
        const fd = openSync(file, 'r+');
        writeSync(fd, Buffer.alloc(4096, 7), 0, 4096, Math.floor(size / 8192) * 4096);
        closeSync(fd);
      },
    };

    test(
      'is silent over commits, checkpoints, VACUUM, tools that touch and read; then a stranger is noticed',
      {
        timeout: 60_000 + wanted * 20,
      },
      async () => {
        const file = join(folder, 'app.db');
        const db = new Database(file, { logger: false, processGuard: 'off', sentinel: { intervalMs: 30 } });
        const alarms: string[] = [];
        for (const name of ['locksLost', 'fileReplaced', 'fenced'] as const) {
          db.events.on(name, (event: { readonly error: Error }) => void alarms.push(event.error.message));
        }
        db.events.on('warning', ({ code, message }) => {
          if (code.startsWith('sentinel') || code === 'hard-linked') alarms.push(message);
        });
        db.exec('CREATE TABLE t(a, b); CREATE INDEX i ON t(b)');
        const writers = ['checkpoints often', 'truncates', 'plain'].map(habit => start(file, habit));
        const tools = spawn('sh', ['-c', housekeeping, 'sh', file, folder], { stdio: 'ignore' });
        const insert = db.prepare('INSERT INTO t VALUES (?, ?)');
        const began = performance.now();
        let own = 0;
        const all = (): number => own + writers.reduce((sum, { commits }) => sum + commits(), 0);
        while (all() < wanted && alarms.length === 0) {
          try {
            insert.run('own', own);
            own += 1;
          } catch (error) {
            assert.match(String(Reflect.get(error as object, 'code')), /^SQLITE_BUSY/);
          }
          // A pause now and then, in which a full check finds no process at work.
          await sleep(own % 40 === 0 ? 90 : 2);
        }
        for (const { stop } of writers) await stop();
        tools.kill();
        await once(tools, 'exit');
        await sleep(300);
        assert.deepEqual(alarms, [], `after ${all()} commits`);
        const seconds = Math.round((performance.now() - began) / 1000);
        assert.ok(db.health().sentinel !== null && existsSync(file));
        await db.checkpoint();
        for (const [name, change] of Object.entries(strangers)) {
          // Each look remembers some more pages.
          await sleep(1500);
          change(file);
          for (let look = 0; look < 100 && alarms.length === 0; look++) await sleep(30);
          assert.ok(alarms.length > 0, `${name}: nobody noticed`);
        }
        db.close();
        if (!process.argv.includes('--save')) return;
        saveResult('ordinary-life', { processes: writers.length + 1, commits: all(), seconds, alarms: 0 });
      },
    );
  });
}
