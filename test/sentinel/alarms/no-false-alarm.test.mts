/**
 * No alarm while two processes, further connections of this thread and (in WAL mode) a worker thread work on the watched
 * file.
 *
 * Here for one second in each mode, in `npm run test:fuzz` for five; `node test/sentinel/alarms/no-false-alarm.test.mts
 * --seconds=600` for the long run.
 * Without syncs, so that there are as many commits as can be: locks are the same with and without.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import { openDatabase } from 'safe-sqlite';
import { closeLive, openLive } from '../../support/live.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-alarms-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const usual = process.env['LONG_TESTS'] === undefined ? 1 : 5;
const seconds = Number(process.argv.find(argument => argument.startsWith('--seconds='))?.split('=')[1] ?? usual);
const sentinelWarnings = { 'hard-linked': true, 'foreign-descriptor': true };
const hammer = fileURLToPath(new URL('hammer.mts', import.meta.url));

/**
 * Starts two processes on the file, and in WAL mode a worker thread; the function that is returned stops them and counts.
 *
 * In rollback mode a thread that closes a connection really does take the locks of another away now and then, see
 * closing-race.test.mts: a long run with a worker thread found it, and it was no false alarm.
 */
function startHammers(file: string, mode: string): () => Promise<number> {
  const processes = [fork(hammer, [file]), fork(hammer, [file])];
  const workers = mode === 'wal' ? [new Worker(hammer, { workerData: file })] : [];
  return async () => {
    const said = [...processes, ...workers].map(each => once(each, 'message') as Promise<[number]>);
    const ended = [...processes, ...workers].map(each => once(each, 'exit'));
    for (const each of processes) each.send('stop');
    for (const each of workers) each.postMessage('stop');
    const commits = await Promise.all(said);
    await Promise.all(ended);
    return commits.reduce((sum, [count]) => sum + count, 0);
  };
}

describe('no false alarm', { skip: linux }, () => {
  for (const mode of ['wal', 'delete', 'truncate'] as const) {
    test(`${mode} mode`, { timeout: (seconds + 60) * 1000 }, async t => {
      const file = join(folder, `${mode}.db`);
      const live = openLive(file, mode);
      live.db.pragma('synchronous=OFF');
      live.db.pragma('busy_timeout=10000');
      const stop = startHammers(file, mode);
      const insert = live.db.prepare('INSERT INTO t VALUES (?)');
      const count = live.db.prepare('SELECT count(*) FROM t').pluck();
      let second: Native.Database | null = null;
      let commits = 0;
      let busy = 0;
      const look = (moment: 'commit' | 'interval' | 'survey'): void => {
        const finding = live.sentinel.check(moment);
        assert.equal(finding, null, JSON.stringify(finding));
      };
      const commit = (begin: string): void => {
        try {
          live.db.exec(begin);
          live.state = begin === 'BEGIN' ? 'open' : 'writing';
          look('commit');
          count.get();
          look('commit');
          insert.run(commits);
          look('commit');
          live.db.exec('COMMIT');
          commits += 1;
        } catch (error) {
          if (!(error instanceof Native.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
          busy += 1;
          if (live.db.inTransaction) live.db.exec('ROLLBACK');
        } finally {
          live.state = null;
        }
        look('commit');
      };
      const end = performance.now() + seconds * 1000;
      for (let turn = 0; performance.now() < end; turn++) {
        commit(turn % 3 === 0 ? 'BEGIN' : 'BEGIN IMMEDIATE');
        if (turn % 10 === 0) look('interval');
        if (turn % 40 === 0) look('survey');
        // Another connection of this thread comes and goes, so that the lock is shown at now this, now that descriptor.
        if (turn % 25 === 0) {
          second?.close();
          second = second === null ? new Native(file, { timeout: 10_000 }) : null;
        }
        if (turn % 5 === 0) second?.prepare('SELECT count(*) FROM t').get();
        if (turn % 100 === 0) await immediate();
      }
      second?.close();
      const others = await stop();
      look('survey');
      const { checks } = live.sentinel.status();
      t.diagnostic(`${mode}: ${checks} checks, ${commits} own commits, ${others} by others, ${busy} busy, 0 alarms`);
      assert.ok(commits > 0 && others > 0);
      assert.equal(live.sentinel.status().locks, 'watched');
      closeLive(live);
    });
  }

  test('openDatabase, with every commit synced', { timeout: (seconds + 60) * 1000 }, async t => {
    const file = join(folder, 'product.db');
    const db = openDatabase(file, { logger: false, timeout: 10_000, sentinel: { intervalMs: 10 } });
    db.exec('CREATE TABLE t(a)');
    const alarms: unknown[] = [];
    db.events.on('locksLost', event => void alarms.push(event));
    db.events.on('fileReplaced', event => void alarms.push(event));
    db.events.on('warning', event => void (event.code in sentinelWarnings && alarms.push(event)));
    const stop = startHammers(file, 'wal');
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    const write = db.transaction((value: number) => insert.run(value));
    let commits = 0;
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      write.immediate(commits++);
      if (commits % 10 === 0) await immediate();
    }
    const others = await stop();
    t.diagnostic(`product: ${commits} own commits checked, ${others} by others, ${alarms.length} alarms`);
    assert.deepEqual(alarms, []);
    db.close();
  });
});
