/**
 * Measures what many idle databases cost a process: processor time as a share of one core, and the longest turn of the event loop.
 *
 *     node bench/idle-databases.mts [databases] [seconds]
 *
 * The aim for 600: under 2 % of a core, and no turn above 20 ms. A test counts the work in place of the time. A process
 * without databases is measured in the same seconds: what it shows is the machine's.
 *
 * A virtual machine whose host takes unused memory away pays for each page that nothing has touched for some seconds, and
 * the time counts as this process's: `coldPageMicroseconds` shows it (under 1 on a machine that keeps its memory). The
 * process is therefore measured twice: as it is, and while another one reads all its memory again and again (`warm`).
 *
 * It writes bench/results/idle-databases.json.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Database } from 'safe-sqlite';
import { describeMachine } from './machine.mts';

const [count = 600, seconds = 20] = process.argv.slice(2).map(Number);
/** The longest rest of the checks and of the checkpoints begins after so long. */
const restMs = 150_000;
const pageBytes = 4096;
const resolutionMs = 10;

/** Microseconds for the first touch of a page that nothing has touched for five seconds. */
async function touchColdPages(): Promise<number> {
  const pages = 10_000;
  const memory = Buffer.alloc(pages * pageBytes, 1);
  await sleep(5000);
  const began = performance.now();
  for (let page = 0; page < pages; page++) memory[page * pageBytes] = 2;
  return ((performance.now() - began) * 1000) / pages;
}

interface Measured {
  readonly databases: number;
  readonly percentOfCore: number;
  readonly longestTurnMs: number;
}

async function measure(): Promise<Measured> {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const before = process.cpuUsage();
  const began = performance.now();
  await sleep(seconds * 1000);
  const used = process.cpuUsage(before);
  const elapsedMs = performance.now() - began;
  delay.disable();
  const share = (used.user + used.system) / 1000 / elapsedMs;
  return {
    databases: count,
    percentOfCore: Number((share * 100).toFixed(2)),
    // What the histogram holds is the time between two of its own timers.
    longestTurnMs: Number((delay.max / 1e6 - resolutionMs).toFixed(1)),
  };
}

if (count === 0) {
  const measured = await measure();
  console.log(JSON.stringify({ ...measured, coldPageMicroseconds: Number((await touchColdPages()).toFixed(2)) }));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-idle-'));
  const databases: Database[] = [];
  for (let n = 0; n < count; n++) {
    const db = new Database(join(folder, `${n}.db`), { logger: false });
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    databases.push(db);
  }
  // What follows a burst of writes ends before the measurement begins: the checkpoints, and the first checks.
  for (const db of databases) await db.checkpoint();
  await sleep(restMs);
  const control = promisify(execFile)(process.execPath, [import.meta.filename, '0', `${seconds}`]);
  const asItIs = await measure();
  const { coldPageMicroseconds, ...empty } = JSON.parse((await control).stdout) as Measured & {
    readonly coldPageMicroseconds: number;
  };
  const warmer = spawn(process.execPath, [join(import.meta.dirname, 'keep-warm.mts'), `${process.pid}`], {
    stdio: 'inherit',
  });
  await sleep(10_000);
  const warm = await measure();
  warmer.kill();
  const found = { machine: describeMachine(), seconds, coldPageMicroseconds, empty, asItIs, warm };
  console.log(found);
  const target = join(import.meta.dirname, 'results/idle-databases.json');
  mkdirSync(join(target, '..'), { recursive: true });
  writeFileSync(target, `${JSON.stringify(found, null, 2)}\n`);
  for (const db of databases) db.close();
  rmSync(folder, { recursive: true, force: true });
}
