import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';

const require = createRequire(import.meta.url);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-descriptors-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const open = (): number => readdirSync('/proc/self/fd').length;

function descriptorsOf(count: number, make: (file: string) => { close(): unknown }, file: string): number {
  const before = open();
  const all = Array.from({ length: count }, () => make(file));
  const used = open() - before;
  for (const each of all) each.close();
  return used;
}

function readOnce<Db extends { prepare(sql: string): { all(): unknown } }>(db: Db): Db {
  db.prepare('SELECT * FROM t').all();
  return db;
}

describe('the descriptors of the sentinel', { skip: linux }, () => {
  test('are two for a file at most, whatever the number of its connections', () => {
    const [rawFile, ourFile] = [join(folder, 'raw.db'), join(folder, 'ours.db')];
    for (const file of [rawFile, ourFile]) {
      const db = new Native(file);
      db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE t(a)');
      db.close();
    }
    for (const count of [1, 10, 150]) {
      const raw = descriptorsOf(count, file => readOnce(new Native(file)), rawFile);
      const ours = descriptorsOf(count, file => readOnce(new Database(file, { logger: false })), ourFile);
      assert.ok(ours <= raw + 2, `${count} connections: ${ours} descriptors, raw ${raw}`);
    }
    assert.equal(
      descriptorsOf(0, file => new Native(file), ourFile),
      0,
    );
  });

  test('in a process that has none left: the error of SQLite or a database that works, and never LocksLostError', () => {
    const program = `
      const { openSync, closeSync } = require('fs');
      const { Database } = require(${JSON.stringify(require.resolve('safe-sqlite'))});
      const Native = require(${JSON.stringify(require.resolve('better-sqlite3'))});
      const [file] = process.argv.slice(1);
      const seen = { raw: {}, ours: {} };
      for (const [name, open] of [['raw', f => new Native(f)], ['ours', f => new Database(f, { logger: false })]]) {
        const path = file + name;
        const first = open(path); first.pragma('journal_mode=WAL'); first.exec('CREATE TABLE t(a)'); first.close();
        for (let free = 0; free <= 24; free++) {
          const held = [];
          try { for (;;) held.push(openSync('/dev/null', 'r')); } catch {}
          for (let i = 0; i < free; i++) closeSync(held.pop());
          let db = null, what = 'ok';
          try { db = open(path); for (let i = 0; i < 3; i++) db.prepare('INSERT INTO t VALUES (1)').run(); } catch (error) { what = error.code; }
          for (const fd of held) closeSync(fd);
          try { db?.close(); } catch {}
          (seen[name][what] ??= []).push(free);
        }
      }
      process.stdout.write(JSON.stringify(seen));`;
    const run = spawnSync(
      'sh',
      ['-c', 'ulimit -n 120; exec "$0" -e "$@"', process.execPath, program, join(folder, 'few-')],
      {
        encoding: 'utf8',
      },
    );
    const seen = JSON.parse(run.stdout) as Record<'raw' | 'ours', Record<string, number[]>>;
    assert.ok((seen.raw['SQLITE_CANTOPEN']?.length ?? 0) > 0, 'the limit is felt');
    assert.deepEqual(Object.keys(seen.ours).toSorted(), ['SQLITE_CANTOPEN', 'ok']);
    assert.deepEqual(seen.ours['ok'], seen.raw['ok'], 'ours works where raw does');
  });

  test('used up under a live connection: it goes on, and a lock that is really lost is seen afterwards', () => {
    const file = join(folder, 'blind.db');
    const program = `
      const { openSync, closeSync, readFileSync } = require('fs');
      const { Database } = require(${JSON.stringify(require.resolve('safe-sqlite'))});
      const db = new Database(process.argv[1], { logger: false, processGuard: 'off', sentinel: { intervalMs: 20 } });
      const said = [];
      db.events.on('warning', ({ code }) => said.push(code));
      db.events.on('locksLost', () => said.push('locksLost'));
      db.exec('CREATE TABLE t(a)');
      // The descriptor that shows the locks is closed with the first connection, so that all must be looked at again.
      const second = new Database(process.argv[1], { logger: false, processGuard: 'off', sentinel: { intervalMs: 20 } });
      second.exec('INSERT INTO t VALUES (1)');
      const held = [];
      const wait = ms => new Promise(done => setTimeout(done, ms));
      (async () => {
        try { for (;;) held.push(openSync('/dev/null', 'r')); } catch {}
        db.exec('INSERT INTO t VALUES (2)');
        await wait(200);
        for (const fd of held) closeSync(fd);
        await wait(800);
        db.exec('INSERT INTO t VALUES (3)');
        const status = db.health().sentinel.locks;
        readFileSync(process.argv[1]);
        let lost = null;
        try { db.exec('INSERT INTO t VALUES (4)'); } catch (error) { lost = error.code; }
        process.stdout.write(JSON.stringify({ said: said.filter(code => code !== 'no-journal'), status, lost }));
        process.exit(0);
      })();`;
    const run = spawnSync('sh', ['-c', 'ulimit -n 120; exec "$0" -e "$@"', process.execPath, program, file], {
      encoding: 'utf8',
    });
    const { said, status, lost } = JSON.parse(run.stdout) as { said: string[]; status: string; lost: string | null };
    assert.deepEqual(
      said.filter(code => code === 'locksLost' || code === 'sentinel-cannot-look'),
      ['locksLost'],
    );
    assert.equal(status, 'watched');
    assert.equal(lost, 'SAFE_SQLITE_LOCKS_LOST');
  });
});
