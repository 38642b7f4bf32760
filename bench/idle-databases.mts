/**
 * Measures what many idle databases cost a process: processor time as a share of one core, and the longest turn of the event loop.
 *
 *     node bench/idle-databases.mts [databases] [seconds]
 *
 * The aim for 600: under 2 % of a core, and no turn above 20 ms. A test counts the work in place of the time. A process
 * without databases is measured in the same seconds: what it shows is the machine's.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Database } from 'safe-sqlite';

const [count = 600, seconds = 20] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-idle-'));
const databases: Database[] = [];
for (let n = 0; n < count; n++) {
  const db = new Database(join(folder, `${n}.db`), { logger: false });
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  databases.push(db);
}
// What follows a burst of writes ends before the measurement begins: the checkpoints, and the first checks.
for (const db of databases) await db.checkpoint();
await sleep(count === 0 ? 0 : 30_000);
const control = count === 0 ? null : promisify(execFile)(process.execPath, [import.meta.filename, '0', `${seconds}`]);
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
const before = process.cpuUsage();
if (process.env['PROFILE'] !== undefined) console.log('from', process.hrtime.bigint() / 1000n);
const began = performance.now();
await sleep(seconds * 1000);
const used = process.cpuUsage(before);
const elapsedMs = performance.now() - began;
delay.disable();
const share = (used.user + used.system) / 1000 / elapsedMs;
console.log(
  JSON.stringify({
    databases: count,
    seconds,
    shareOfCore: `${(share * 100).toFixed(2)} %`,
    longestTurnMs: Number((delay.max / 1e6).toFixed(1)),
  }),
);
if (process.env['PROFILE'] !== undefined) console.log('to', process.hrtime.bigint() / 1000n);
if (control !== null) process.stdout.write((await control).stdout);
for (const db of databases) db.close();
rmSync(folder, { recursive: true, force: true });
