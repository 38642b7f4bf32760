/**
 * A checkpoint of another process that stands still or has failed, in a round of the WAL that this process did not see begin:
 * silent, because nothing is lost; and a stranger who writes into the file meanwhile is noticed.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from 'safe-sqlite';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-unfinished-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';

const raw = (statements: string): string =>
  `const db = require('better-sqlite3')(process.argv[1]); db.pragma('synchronous = OFF'); ${statements}`;
/** The first page is written and copied, and the WAL starts over. */
const firstPage = raw(`db.exec('CREATE TABLE u' + process.pid + '(a)'); db.pragma('wal_checkpoint(TRUNCATE)')`);
/** Two pages far from each other, and not the first: a limit for files lets the second one fail. */
const twoPages = raw(`db.exec('UPDATE t SET a = a + 1 WHERE id IN (1, 200)'); db.pragma('wal_checkpoint(PASSIVE)')`);
/** The frames that a checkpoint has copied and those that it meant to copy, read where no lock can be lost. */
const progress = `const bytes = require('fs').readFileSync(process.argv[1] + '-shm');
  console.log(JSON.stringify([bytes.readUInt32LE(96), bytes.readUInt32LE(128)]))`;

/** While this process does not turn. */
function leaveUnfinished(file: string): void {
  execFileSync(process.execPath, ['-e', firstPage, file]);
  // In units of 512 bytes; SQLite gets an error, or the process a signal: the checkpoint ends in the middle either way.
  spawnSync('sh', ['-c', 'ulimit -f 128; exec "$0" "$@"', process.execPath, '-e', twoPages, file]);
  const [copied, attempted] = JSON.parse(
    execFileSync(process.execPath, ['-e', progress, file], { encoding: 'utf8' }),
  ) as [number, number];
  assert.ok(attempted > copied, `the checkpoint is not unfinished: ${copied} of ${attempted}`);
}

/** Ends early at an alarm, behind which nothing is checked. */
async function looks(db: Database, count: number, alarms: readonly string[]): Promise<void> {
  const checks = (): number => db.health().sentinel?.checks ?? 0;
  const until = checks() + count;
  while (checks() < until && alarms.length === 0) await sleep(20);
}

test(
  'a checkpoint that another process left unfinished raises no alarm; a stranger does',
  { skip: linux },
  async () => {
    const file = join(folder, 'app.db');
    const db = new Database(file, { logger: false, sentinel: { intervalMs: 50 } });
    const alarms: string[] = [];
    for (const name of ['locksLost', 'fileReplaced', 'fenced'] as const) {
      db.events.on(name, (event: { readonly error: Error }) => void alarms.push(event.error.message));
    }
    db.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)');
    for (let id = 1; id <= 200; id++) db.prepare('INSERT INTO t VALUES (?, 0, ?)').run(id, 'x'.repeat(1000));
    await db.checkpoint();
    await looks(db, 10, alarms);
    for (let round = 1; round <= 2; round++) {
      leaveUnfinished(file);
      // For much longer than a checkpoint of a few pages takes.
      await looks(db, 12, alarms);
      assert.deepEqual(alarms, [], `round ${round}`);
      db.prepare('UPDATE t SET b = ? WHERE id = 3').run(`round ${round}`);
      assert.equal((await db.checkpoint()).complete, true);
      assert.equal(db.prepare('SELECT a FROM t WHERE id = 200').pluck().get(), round);
    }
    leaveUnfinished(file);
    await looks(db, 12, alarms);
    execFileSync('dd', ['if=/dev/zero', `of=${file}`, 'bs=4096', 'count=1', 'conv=notrunc'], { stdio: 'ignore' });
    for (let look = 0; look < 200 && alarms.length === 0; look++) await sleep(30);
    assert.match(alarms[0] ?? 'nobody noticed', /first page that no checkpoint has written/);
    db.close();
  },
);
